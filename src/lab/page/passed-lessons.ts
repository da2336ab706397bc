/// <reference lib="dom" />
/** The ids of the lessons that were passed in this browser. */

const PLACE = 'quorate-lab-passed'

export function readPassed(): readonly string[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(PLACE) ?? '[]')
    return Array.isArray(stored) ? stored.map(String) : []
  } catch {
    // The browser keeps nothing for this page, so nothing was passed.
    return []
  }
}

/** Returns the ids. */
export function rememberPassed(ids: readonly string[]): readonly string[] {
  try {
    localStorage.setItem(PLACE, JSON.stringify(ids))
  } catch {
    // The marks then last as long as the page is open.
  }
  return ids
}
