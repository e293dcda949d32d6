// Where do the snapshots of a test file lie? Beside it, whichever suite runs it.

/** The options of `t.assertSnapshot` in the test file at `url` (`import.meta.url`): its snapshots lie in `__snapshots__` beside it. */
export function snapshotOf(url: string): { path: string } {
  return { path: new URL(url.replace(/([^/]+)$/, "__snapshots__/$1.snap")).pathname };
}
