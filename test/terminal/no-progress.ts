/** For commands whose progress does not matter to a test. */
import type { Progress } from '../../src/terminal/progress.ts'

export const NO_PROGRESS: Progress = { show: () => {}, end: () => {} }
