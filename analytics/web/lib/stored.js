// Lists kept in this browser.

export function stored(name) {
  const key = `tallygate.${name}`;
  return {
    read() {
      try {
        const found = JSON.parse(localStorage.getItem(key) ?? "[]");
        return Array.isArray(found) ? found : [];
      } catch {
        return [];
      }
    },
    write(list) {
      localStorage.setItem(key, JSON.stringify(list));
      return list;
    },
  };
}
