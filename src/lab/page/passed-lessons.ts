/// <reference lib="dom" />
/** The numbers of the lessons that were passed in this browser. */

const PLACE = 'quorate-lab-passed'

export function readPassed(): readonly number[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(PLACE) ?? '[]')
    return Array.isArray(stored) ? stored.filter((each) => typeof each === 'number') : []
  } catch {
    // The browser keeps nothing for this page, so nothing was passed.
    return []
  }
}

/** Returns the numbers. */
export function rememberPassed(numbers: readonly number[]): readonly number[] {
  try {
    localStorage.setItem(PLACE, JSON.stringify(numbers))
  } catch {
    // The marks then last as long as the page is open.
  }
  return numbers
}
