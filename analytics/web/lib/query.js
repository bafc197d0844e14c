// What a view shows from the API: the last answer stays while the next one is under way, so nothing jumps.

import { useCallback, useEffect, useRef, useState } from "./h.js";

const START = { data: null, error: null, loading: true };

// `load(signal)` is called when `key` changes, when `reload()` is, and every `refreshMs` while the page is seen.
export function useQuery(key, load, { refreshMs = 0 } = {}) {
  const [state, set] = useState(START);
  const latest = useRef(load);
  latest.current = load;
  const [turn, setTurn] = useState(0);
  const reload = useCallback(() => setTurn((old) => old + 1), []);
  useEffect(() => {
    const stop = new AbortController();
    set((old) => ({ ...old, loading: true }));
    latest.current(stop.signal).then(
      (data) => stop.signal.aborted || set({ data, error: null, loading: false }),
      (error) => stop.signal.aborted || set((old) => ({ data: old.data, error, loading: false })),
    );
    return () => stop.abort();
  }, [key, turn]);
  useEffect(() => {
    if (!refreshMs) return undefined;
    const timer = setInterval(() => document.hidden || reload(), refreshMs);
    return () => clearInterval(timer);
  }, [refreshMs, reload]);
  return { ...state, reload };
}
