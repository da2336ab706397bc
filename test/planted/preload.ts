/**
 * Imported by a node before anything else: plants the bug that the environment names in its modules. The
 * product has no switch for bugs; this is how a real node of a test gets one.
 */
import { plant } from '../../src/simulation/bugs/plant.ts'
import { plantedBug } from '../../src/simulation/bugs/planted-bugs.ts'

const name = process.env['PLANTED_BUG'] ?? ''
const bug = plantedBug(name)
if (bug === undefined) throw new Error(`there is no planted bug ${JSON.stringify(name)}`)
plant(bug)
