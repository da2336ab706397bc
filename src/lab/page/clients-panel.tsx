/// <reference lib="dom" />
/** Two clients side by side, each on a node and a level of its choice, with what they were answered. */
import type { VNode } from 'preact'
import { LEVELS, type Level } from '../../core/quorum/level.ts'
import { FIRST_LABELS } from '../../core/placement/bucket-name.ts'
import type { RequestView } from '../../simulation/interactive/timed-clients.ts'
import { announcement } from '../picture/announcement.ts'
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
  /** The keys of the lesson, if it has several. */
  readonly keys: readonly ChosenKey[]
  readonly clients: readonly ClientForm[]
  readonly deeds: LabDeeds
}

const BUCKET_WORDS: Readonly<Record<string, string>> = {
  default: 'default (keeps siblings)',
  latest: 'latest (last write wins)',
  strong: 'strong (consensus)',
}
const SHOWN_ANSWERS = 3

export function ClientsPanel({ scene, chosen, keys, clients, deeds }: Props): VNode {
  const { bucket, key } = chosen
  return (
    <section class="panel clients" aria-labelledby="clients-title">
      <h2 id="clients-title">{clients.length === 3 ? 'Three' : 'Two'} clients</h2>
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
      {keys.length > 1 && (
        <div class="buttons" role="group" aria-label="Keys of the lesson">
          <span aria-hidden="true">Key:</span>
          {keys.map((each) => (
            <button
              key={`${each.bucket}/${each.key}`}
              type="button"
              aria-pressed={each.bucket === bucket && each.key === key}
              onClick={() => deeds.choose(each)}
            >
              {each.key}
            </button>
          ))}
        </div>
      )}
      <div class="pair">
        {clients.map((form) => (
          <Client
            key={form.client}
            form={form}
            scene={scene}
            chosen={chosen}
            deeds={deeds}
            change={(part) => deeds.fillIn(form.client, part)}
          />
        ))}
      </div>
      <p class="unseen" role="status" aria-live="polite">
        {announcement(scene)}
      </p>
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
  const { client, node, level, value, sendsContext, ifUnchanged } = form
  const name = clientName(client)
  const asked = { client, node, level, ...chosen }
  const isStrong = chosen.bucket === 'strong'
  const compared = ifUnchanged ? { ifUnchanged } : {}
  const known = sendsContext ? { withContext: true } : {}
  const condition = isStrong ? compared : known
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
            {LEVELS.filter((each) => each !== 'strong' || isStrong).map((each) => (
              <option key={each}>{each}</option>
            ))}
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
          onClick={() => deeds.act({ do: 'put', ...asked, value, ...condition })}
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
          onClick={() => deeds.act({ do: 'delete', ...asked, ...condition })}
        >
          Delete
        </button>
      </div>
      {isStrong ? (
        <label
          class="check"
          title="A compare-and-set: the write happens only if the key is as this client has last seen it, or absent if it has never asked."
        >
          <input
            type="checkbox"
            checked={ifUnchanged}
            onChange={({ currentTarget }) => change({ ifUnchanged: currentTarget.checked })}
          />
          only if unchanged
        </label>
      ) : (
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
      )}
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
