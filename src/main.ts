/**
 * The program of one node: settings from the environment, a node from the settings, and a clean end.
 *
 * Exit codes: 0 stopped, 1 could not start, 2 bad setting, 3 a damaged database that needs `--repair`, 4 the cluster
 * refused to let this node join. A process that breaks down while it runs says why, and kills itself.
 */
import { EXIT_USAGE, leave } from './server/exit.ts'
import { describeSettings } from './server/settings/setting-table.ts'
import { parseSettings } from './server/settings/settings.ts'

const [, , ...args] = process.argv
if (args.includes('--help') || args.includes('-h')) {
  process.stdout.write(describeSettings())
} else if (args.length > 1 || (args.length === 1 && args[0] !== '--repair')) {
  leave(EXIT_USAGE, `there is no argument ${JSON.stringify(args[0])}; --help lists the settings`)
} else {
  const parsed = parseSettings(process.env)
  if (!parsed.ok) leave(EXIT_USAGE, parsed.problem)
  // Not loaded before, so that help and a bad setting are told at once.
  const { repairNode, runNode } = await import('./server/run-node.ts')
  await (args.length === 0 ? runNode(parsed.settings, parsed.ignored) : repairNode(parsed.settings))
}
