/** `ring`: how the data partitions are spread over the members. */
import { exitCodes } from '../outcome/exit-code.ts'
import { getCluster } from '../store/cluster-answer.ts'
import { percentOf } from '../store/cluster-words.ts'
import { openSender, STORE_OPTIONS } from '../store/store-options.ts'
import { tableLines } from '../../terminal/table.ts'
import { writeJson, writeLines } from '../../terminal/sink.ts'
import { cliCommand } from './cli-command.ts'

export const RING = cliCommand(
  'ring',
  {
    about: 'Shows how many of the data partitions each member owns, and which members are voters.',
    options: STORE_OPTIONS,
    examples: ['ring', 'ring --json'],
    exitCodes: exitCodes(0, 1, 6, 8, 130),
  },
  async ({ values }, world) => {
    const { out, stop } = world
    const answer = await getCluster(openSender(values, world), stop)
    const { node, epoch, partitions, members, voters } = answer
    if (values.json) {
      const owners = members.map(({ id, zone, partitionsOwned }) => ({
        id,
        zone,
        partitionsOwned,
        isVoter: voters.includes(id),
      }))
      await writeJson(out, { node, epoch, partitions, members: owners })
      return 0
    }
    const rows = members.map(({ id, zone, partitionsOwned }) => [
      id,
      zone,
      partitionsOwned,
      percentOf(partitionsOwned / partitions),
      voters.includes(id) ? 'voter' : '-',
    ])
    await writeLines(out, [
      ...tableLines({ head: ['member', 'zone', 'partitions', 'share', 'membership'], rows }, out),
      '',
      `${partitions} data partitions, as ${node} knows them at epoch ${epoch}. A share is that of the keys of which`,
      'the member keeps a copy, in the bucket with the most copies.',
    ])
    return 0
  },
)
