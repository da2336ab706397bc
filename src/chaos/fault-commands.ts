/** The faults of the chaos command line: the words of each, and what it does. */
import type { Subcommand, Word } from '../command-line/command.ts'

const NODE: Word = { name: 'NODE' }
const PAIR = [NODE, NODE]

export type FaultCommand = keyof typeof FAULT_COMMANDS

export const FAULT_COMMANDS = {
  partition: {
    words: [{ name: 'GROUPS' }],
    about:
      'Cut groups of nodes from each other: n1,n2/n3,n4,n5. Nodes that are not named form one more group. ' +
      '"halves" makes two groups of about the same size.',
  },
  isolate: { words: [NODE], about: 'Cut one node from all others.' },
  bridge: {
    words: [NODE],
    about: 'Cut two halves from each other. Only this node reaches both of them.',
  },
  ring: { about: 'Let each node reach a majority, but no two nodes the same majority.' },
  cut: { words: PAIR, about: 'Cut the link between two nodes.' },
  oneway: {
    words: PAIR,
    about: 'Cut the link that the first node opens to the second. The other link stays whole.',
  },
  loss: {
    words: [
      ...PAIR,
      {
        name: 'PERCENT',
        value: {
          kind: 'text',
          placeholder: '20%',
          pattern: /^(?:100|[1-9]\d?)%?$/,
          expected: '1% to 100%',
        },
      },
    ],
    about: 'Lose a part of the messages between two nodes: 20%.',
  },
  flap: { words: PAIR, about: 'Cut and mend the link between two nodes, each for a second.' },
  kill: { words: [NODE], about: 'Kill a node. It starts again when the fault ends.' },
  pause: {
    words: [NODE],
    about: 'Stop the process of a node, and let it continue when the fault ends.',
  },
  restart: { words: [NODE], about: 'Restart a node at once. This fault has no duration.' },
  skew: {
    words: [NODE, { name: 'OFFSET' }],
    about: 'Set the clock of a node wrong, by +300s, -500ms or +2h. At most 24h.',
  },
  bitflip: { words: [NODE], about: 'Kill a node, and flip a bit in one of its files.' },
  truncate: { words: [NODE], about: 'Kill a node, and cut off the end of one of its files.' },
} as const satisfies Record<string, Subcommand>
