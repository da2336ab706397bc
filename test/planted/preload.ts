/**
 * Plants the bug that the environment names. A node of a test imports this file before any other module, because the
 * product has no switch for bugs.
 */
import { plant } from '../../src/simulation/bugs/plant.ts'
import { plantedBug } from '../../src/simulation/bugs/planted-bugs.ts'

const name = process.env['PLANTED_BUG'] ?? ''
const bug = plantedBug(name)
if (bug === undefined) throw new Error(`there is no planted bug ${JSON.stringify(name)}`)
plant(bug)
