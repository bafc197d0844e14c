// What a view shows from the API: the last answer stays while the next one is under way, so nothing jumps.

import { useCallback, useEffect, useRef, useState } from "./h.js";

const SELDOM = 8;
const START = { data: null, error: null, loading: true };

// `load(signal)` is called when `key` changes, when `reload()` is, and `refreshMs` after its
// last answer while the page is seen.
export function useQuery(key, load, { refreshMs = 0 } = {}) {
  const [state, set] = useState(START);
  const latest = useRef(load);
  latest.current = load;
  const [turn, setTurn] = useState(0);
  const took = useRef(0);
  const reload = useCallback(() => setTurn((old) => old + 1), []);
  useEffect(() => {
    const stop = new AbortController();
    const begin = performance.now();
    const ended = (change) => {
      if (stop.signal.aborted) return;
      took.current = performance.now() - begin;
      set(change);
    };
    set((old) => ({ ...old, loading: true }));
    latest.current(stop.signal).then(
      (data) => ended({ data, error: null, loading: false }),
      (error) => ended((old) => ({ data: old.data, error, loading: false })),
    );
    return () => stop.abort();
  }, [key, turn]);
  useEffect(() => {
    if (!refreshMs || state.loading) return undefined;
    // What takes long is asked more seldom: a page that is left open must not keep the store busy.
    const timer = setInterval(() => document.hidden || reload(), Math.max(refreshMs, SELDOM * took.current));
    return () => clearInterval(timer);
  }, [refreshMs, reload, state.loading]);
  return { ...state, reload };
}
