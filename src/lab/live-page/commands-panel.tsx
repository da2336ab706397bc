/// <reference lib="dom" />
/** The commands that break what a person has clicked, to copy into a terminal. */
import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import {
  type ChaosCommand,
  commandsForAll,
  commandsForLink,
  commandsForNode,
} from '../live/chaos-commands.ts'

/** What the commands break. */
export type ChaosTarget = { readonly node: string } | { readonly from: string; readonly to: string }

interface Props {
  readonly ids: readonly string[]
  /** Null for the whole cluster alone. */
  readonly target: ChaosTarget | null
  readonly choose: (target: ChaosTarget | null) => void
}

export function CommandsPanel({ ids, target, choose }: Props): VNode {
  const [told, setTold] = useState('')
  const copy = (command: string): void => {
    navigator.clipboard.writeText(command).then(
      () => setTold(`Copied: ${command}`),
      () => setTold('The browser refuses to copy. Select the command instead.'),
    )
  }
  const node = target !== null && 'node' in target ? target.node : null
  return (
    <section class="panel clients" aria-labelledby="commands-title">
      <h2 id="commands-title">Break it</h2>
      <p class="hint">
        Run these in the checkout from which the cluster was started. Each fault ends by itself.
      </p>
      <div class="fault-row" role="group" aria-label="Choose a node">
        {ids.map((id) => (
          <button
            key={id}
            type="button"
            aria-pressed={node === id}
            onClick={() => choose(node === id ? null : { node: id })}
          >
            {id}
          </button>
        ))}
      </div>
      {target !== null && (
        <>
          <h3>{node ?? linkWords(target)}</h3>
          <Commands commands={commandsOf(target)} copy={copy} />
        </>
      )}
      <h3>The whole cluster</h3>
      <Commands commands={commandsForAll(ids)} copy={copy} />
      <p role="status" aria-live="polite" class="hint">
        {told}
      </p>
    </section>
  )
}

function commandsOf(target: ChaosTarget): readonly ChaosCommand[] {
  return 'node' in target ? commandsForNode(target.node) : commandsForLink(target.from, target.to)
}

function linkWords(target: ChaosTarget): string {
  return 'from' in target ? `The link from ${target.from} to ${target.to}` : ''
}

interface CommandsProps {
  readonly commands: readonly ChaosCommand[]
  readonly copy: (command: string) => void
}

function Commands({ commands, copy }: CommandsProps): VNode {
  return (
    <ul class="commands">
      {commands.map(({ command, about }) => (
        <li key={command}>
          <code>{command}</code>
          <button type="button" aria-label={`Copy: ${command}`} onClick={() => copy(command)}>
            Copy
          </button>
          <span class="meaning">{about}</span>
        </li>
      ))}
    </ul>
  )
}
