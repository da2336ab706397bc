/// <reference lib="dom" />
/** Two clients side by side, each on a node and a level of its choice, with what they were answered. */
import type { VNode } from 'preact'
import { LEVELS, type Level } from '../../core/quorum/level.ts'
import { FIRST_LABELS } from '../../core/placement/bucket-name.ts'
import type { RequestView } from '../../simulation/interactive/timed-clients.ts'
import {
  answeredWords,
  askedWords,
  clientName,
  problemOf,
  STATE_MARKS,
} from '../picture/request-words.ts'
import type { ChosenKey, Scene } from '../run/scene.ts'
import type { ClientForm } from './client-form.ts'
import type { LabDeeds } from './use-lab.ts'

interface Props {
  readonly scene: Scene
  readonly chosen: ChosenKey
  readonly clients: readonly ClientForm[]
  readonly setClients: (change: (old: readonly ClientForm[]) => readonly ClientForm[]) => void
  readonly deeds: LabDeeds
}

const BUCKET_WORDS: Readonly<Record<string, string>> = {
  default: 'default (keeps siblings)',
  latest: 'latest (last write wins)',
  strong: 'strong (consensus)',
}
const SHOWN_ANSWERS = 3

export function ClientsPanel({ scene, chosen, clients, setClients, deeds }: Props): VNode {
  const { bucket, key } = chosen
  return (
    <section class="panel clients" aria-labelledby="clients-title">
      <h2 id="clients-title">Two clients</h2>
      <div class="fields">
        <label>
          Bucket
          <select
            value={bucket}
            onChange={({ currentTarget }) => deeds.choose({ bucket: currentTarget.value, key })}
          >
            {FIRST_LABELS.map((label) => (
              <option key={label} value={label}>
                {BUCKET_WORDS[label] ?? label}
              </option>
            ))}
          </select>
        </label>
        <label>
          Key
          <input
            value={key}
            maxLength={60}
            onInput={({ currentTarget }) => {
              if (currentTarget.value !== '') deeds.choose({ bucket, key: currentTarget.value })
            }}
          />
        </label>
      </div>
      <div class="pair">
        {clients.map((form) => (
          <Client
            key={form.client}
            form={form}
            scene={scene}
            chosen={chosen}
            deeds={deeds}
            change={(part) =>
              setClients((old) =>
                old.map((each) => (each.client === form.client ? { ...each, ...part } : each)),
              )
            }
          />
        ))}
      </div>
    </section>
  )
}

interface ClientProps {
  readonly form: ClientForm
  readonly scene: Scene
  readonly chosen: ChosenKey
  readonly deeds: LabDeeds
  readonly change: (part: Partial<ClientForm>) => void
}

function Client({ form, scene, chosen, deeds, change }: ClientProps): VNode {
  const { client, node, level, value, sendsContext } = form
  const name = clientName(client)
  const asked = { client, node, level, ...chosen }
  const context = sendsContext ? { withContext: true } : {}
  const ids = scene.view.nodes.filter(({ state }) => state !== 'gone').map(({ id }) => id)
  if (!ids.includes(node)) ids.push(node)
  const answers = scene.view.requests.filter(({ action }) => action.client === client)
  return (
    <fieldset class={`client client-${client}`}>
      <legend>
        <span class="badge">{name}</span> Client {name}
      </legend>
      <div class="fields">
        <label>
          Node
          <select
            value={node}
            onChange={({ currentTarget }) => change({ node: currentTarget.value })}
          >
            {ids.map((id) => (
              <option key={id}>{id}</option>
            ))}
          </select>
        </label>
        <label>
          Level
          <select
            value={level}
            onChange={({ currentTarget }) => change({ level: currentTarget.value as Level })}
          >
            {LEVELS.filter((each) => each !== 'strong' || chosen.bucket === 'strong').map(
              (each) => (
                <option key={each}>{each}</option>
              ),
            )}
          </select>
        </label>
      </div>
      <label class="wide">
        Value
        <input
          value={value}
          maxLength={60}
          onInput={({ currentTarget }) => change({ value: currentTarget.value })}
        />
      </label>
      <div class="buttons">
        <button
          type="button"
          class="primary"
          aria-label={`Client ${name}: put`}
          onClick={() => deeds.act({ do: 'put', ...asked, value, ...context })}
        >
          Put
        </button>
        <button
          type="button"
          aria-label={`Client ${name}: get`}
          onClick={() => deeds.act({ do: 'get', ...asked })}
        >
          Get
        </button>
        <button
          type="button"
          aria-label={`Client ${name}: delete`}
          onClick={() => deeds.act({ do: 'delete', ...asked, ...context })}
        >
          Delete
        </button>
      </div>
      <label
        class="check"
        title="A write then replaces only what this client has read. Without it, a write replaces what the node knows."
      >
        <input
          type="checkbox"
          checked={sendsContext}
          onChange={({ currentTarget }) => change({ sendsContext: currentTarget.checked })}
        />
        send context
      </label>
      <ol class="answers" aria-label={`Answers to client ${name}, the newest first`}>
        {answers
          .slice(-SHOWN_ANSWERS)
          .toReversed()
          .map((request) => (
            <Answer key={request.number} request={request} />
          ))}
      </ol>
      {!scene.isPlaying && answers.some(({ state }) => state === 'under way') && (
        <p class="hint">Time stands still. Press Play or Step to let the answer come.</p>
      )}
    </fieldset>
  )
}

function Answer({ request }: { readonly request: RequestView }): VNode {
  const problem = problemOf(request)
  return (
    <li class={`answer ${request.state.replace(' ', '-')}`}>
      <span class="sign" aria-hidden="true">
        {STATE_MARKS[request.state]}
      </span>
      <span>
        {request.number}: {askedWords(request)}: <b>{answeredWords(request)}</b>
        {problem !== null && (
          <details>
            <summary>problem document</summary>
            <pre>{JSON.stringify(problem, null, 1)}</pre>
          </details>
        )}
      </span>
    </li>
  )
}
