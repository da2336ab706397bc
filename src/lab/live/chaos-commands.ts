/** The commands that break a real cluster, for what a person has clicked. */

export interface ChaosCommand {
  readonly command: string
  /** What it does, in one sentence. */
  readonly about: string
}

const CHAOS = 'npm run chaos --'

/** Ends every fault. */
export const HEAL: ChaosCommand = {
  command: `${CHAOS} heal`,
  about: 'Ends all faults at once. Each also ends by itself, after 60 s or the time of --for.',
}

export function commandsForNode(id: string): readonly ChaosCommand[] {
  return [
    { command: `${CHAOS} kill ${id}`, about: 'The process ends at once, and starts again later.' },
    { command: `${CHAOS} pause ${id}`, about: 'The process freezes: it looks dead, and is not.' },
    { command: `${CHAOS} isolate ${id}`, about: 'No message passes between it and the others.' },
    { command: `${CHAOS} skew ${id} +300s`, about: 'It reads a clock that is five minutes ahead.' },
  ]
}

export function commandsForLink(from: string, to: string): readonly ChaosCommand[] {
  return [
    { command: `${CHAOS} cut ${from} ${to}`, about: 'No message passes, in both directions.' },
    {
      command: `${CHAOS} oneway ${from} ${to}`,
      about: `Nothing passes on the link that ${from} opens to ${to}.`,
    },
    { command: `${CHAOS} loss ${from} ${to} 20%`, about: 'A fifth of the messages is lost.' },
    { command: `${CHAOS} flap ${from} ${to}`, about: 'The link is cut every other second.' },
  ]
}

/** Faults of the whole cluster. */
export function commandsForAll(ids: readonly string[]): readonly ChaosCommand[] {
  const half = Math.floor(ids.length / 2)
  const groups = [ids.slice(0, half), ids.slice(half)]
  const parted = groups.map((group) => group.join(',')).join('/')
  const parting: readonly ChaosCommand[] =
    half === 0
      ? []
      : [
          {
            command: `${CHAOS} partition ${parted}`,
            about: 'Two groups that do not reach each other.',
          },
        ]
  return [
    ...parting,
    { command: `${CHAOS} status`, about: 'Probes who reaches whom, and lists the faults.' },
    HEAL,
  ]
}
