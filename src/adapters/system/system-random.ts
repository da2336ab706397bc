/** Random numbers from the system's generator. */
import { randomInt } from 'node:crypto'

import type { Random } from '../../ports/random.ts'

export const systemRandom: Random = {
  below: (bound) => randomInt(bound),
}
