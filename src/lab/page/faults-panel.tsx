/** Buttons for faults: those of the chosen node or link, and those of the whole cluster. */
import type { VNode } from 'preact'
import type { Action } from '../../simulation/interactive/action.ts'
import type { NodeView } from '../../simulation/interactive/world-view.ts'
import { zoneWords } from '../picture/node-words.ts'
import type { Scene } from '../run/scene.ts'
import type { LabDeeds } from './use-lab.ts'

interface Props {
  readonly scene: Scene
  /** The chosen node; null if none is. */
  readonly target: string | null
  readonly deeds: LabDeeds
}

interface Choice {
  readonly words: string
  readonly about: string
  readonly actions: readonly Action[]
}

export function FaultsPanel({ scene, target, deeds }: Props): VNode {
  const { nodes, links } = scene.view
  const ids = nodes.filter(({ state }) => state !== 'gone').map(({ id }) => id)
  const node = nodes.find(({ id }) => id === target)
  const isCut = links.some(({ cut }) => cut !== null)
  return (
    <div class="faults" role="group" aria-label="Faults">
      <div class="fault-row" role="group" aria-label="Choose a node">
        {ids.map((id) => (
          <button
            key={id}
            type="button"
            aria-pressed={node?.id === id}
            onClick={() => deeds.select(node?.id === id ? null : id)}
          >
            {id}
          </button>
        ))}
      </div>
      {node === undefined ? (
        <p class="hint">
          Choose a node to kill, pause, skew or wipe it. Click a link in the picture to cut it.
        </p>
      ) : (
        <Buttons choices={choicesFor(node, ids)} deeds={deeds} />
      )}
      <Buttons
        choices={[...wholeChoices(ids), ...zoneChoices(nodes), ...(isCut ? [HEAL] : [])]}
        deeds={deeds}
      />
    </div>
  )
}

const HEAL: Choice = {
  words: 'Heal all cuts',
  about: 'Every node reaches every other one again.',
  actions: [{ do: 'heal' }],
}

function Buttons({
  choices,
  deeds,
}: {
  readonly choices: readonly Choice[]
  readonly deeds: LabDeeds
}): VNode {
  return (
    <div class="fault-row">
      {choices.map(({ words, about, actions }) => (
        <button
          key={words}
          type="button"
          title={about}
          onClick={() => {
            for (const action of actions) deeds.act(action)
          }}
        >
          {words}
        </button>
      ))}
    </div>
  )
}

function choicesFor({ id, state, clockOffsetMs }: NodeView, ids: readonly string[]): Choice[] {
  const node = { node: id }
  const others = ids.filter((other) => other !== id)
  const kill: Choice = {
    words: `Kill ${id}`,
    about: 'The process ends at once. The disk keeps what was written.',
    actions: [{ do: 'kill', ...node }],
  }
  const start: Choice = {
    words: `Start ${id}`,
    about: 'The process starts again with its disk.',
    actions: [{ do: 'start', ...node }],
  }
  const pause: Choice = {
    words: `Pause ${id}`,
    about: 'The process freezes. To the others it looks as if it were dead.',
    actions: [{ do: 'pause', ...node }],
  }
  const goOn: Choice = {
    words: `Continue ${id}`,
    about: 'The process goes on where it stopped.',
    actions: [{ do: 'continue', ...node }],
  }
  const states = {
    up: [kill, pause],
    starting: [kill],
    paused: [goOn, kill],
    stopped: [start],
    gone: [],
  }[state]
  const skew = (byMs: number, words: string): Choice => ({
    words,
    about: 'Sets the clock of this machine. Nodes refuse a peer whose clock is 0.5 s wrong.',
    actions: [{ do: 'skew', ...node, byMs }],
  })
  return [
    ...states,
    {
      words: `Cut all links of ${id}`,
      about: 'No message passes between this node and the others.',
      actions: [{ do: 'cut', from: [id], to: others }],
    },
    {
      words: `Wipe ${id}`,
      about: 'The machine loses its power and its disk.',
      actions: [{ do: 'wipe', ...node }],
    },
    ...(clockOffsetMs === 0
      ? [skew(300, 'Clock 0.3 s ahead'), skew(300_000, 'Clock 5 min ahead')]
      : [skew(0, 'Set the clock right')]),
  ]
}

function wholeChoices(ids: readonly string[]): Choice[] {
  const half = Math.floor(ids.length / 2)
  const [from, to] = [ids.slice(0, half), ids.slice(half)]
  return [
    {
      words: `Partition ${from.join(', ')} | ${to.join(', ')}`,
      about: 'No message passes between the two groups.',
      actions: [{ do: 'cut', from, to }],
    },
  ]
}

/** One for each zone: it loses its power, or its nodes start again. */
function zoneChoices(nodes: readonly NodeView[]): Choice[] {
  const zones = [...new Set(nodes.flatMap(({ zone }) => zone ?? []))].sort()
  return zones.map((zone) => {
    const inZone = nodes.filter((node) => node.zone === zone)
    const stopped = inZone.filter(({ state }) => state === 'stopped')
    return stopped.length === inZone.length
      ? {
          words: `Start ${zoneWords(zone)}`,
          about: 'The machines of the zone have power again, and their nodes start.',
          actions: stopped.map(({ id }) => ({ do: 'start', node: id })),
        }
      : {
          words: `Cut the power of ${zoneWords(zone)}`,
          about: 'All machines of the zone go off at once.',
          actions: inZone
            .filter(({ state }) => state !== 'stopped' && state !== 'gone')
            .map(({ id }) => ({ do: 'power', node: id })),
        }
  })
}
