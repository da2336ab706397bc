/** The chosen key: its preference list, and what each node holds of it. */
import type { VNode } from 'preact'
import type { CopyView, KeyView, SiblingView } from '../../simulation/interactive/world-view.ts'
import { listWords } from '../picture/cluster-verdict.ts'
import type { Scene } from '../run/scene.ts'

export function KeyPanel({ scene }: { readonly scene: Scene }): VNode {
  const { key } = scene.view
  return (
    <section class="panel key" aria-labelledby="key-title">
      <h2 id="key-title">
        What each node holds{key === null ? '' : ` of ${key.bucket}/${key.key}`}
      </h2>
      {key === null ? <p>No node runs that could tell.</p> : <Copies of={key} />}
    </section>
  )
}

function Copies({ of: key }: { readonly of: KeyView }): VNode {
  const others = Object.keys(key.copies).filter(
    (id) => !key.owners.includes(id) && !key.fallbacks.includes(id),
  )
  return (
    <>
      <p class="hint">
        The preference list: the owners are {listWords(key.owners)}
        {key.fallbacks.length === 0 ? '' : `; ${listWords(key.fallbacks)} stand in for them`}.
      </p>
      <ol class="copies">
        {[...key.owners, ...key.fallbacks, ...others].map((id, i) => (
          <li key={id} class={i < key.owners.length ? 'owner' : 'fallback'}>
            <span class="who">
              <b>{id}</b> {i < key.owners.length ? `owner ${i + 1}` : 'stands in'}
            </span>
            <Copy copy={key.copies[id]} />
            {key.hints
              .filter(({ holder }) => holder === id)
              .map(({ owner }) => (
                <span class="hint-note" key={owner}>
                  <span aria-hidden="true">✉ </span>keeps a hint for {owner}
                </span>
              ))}
          </li>
        ))}
      </ol>
    </>
  )
}

function Copy({ copy }: { readonly copy: CopyView | undefined }): VNode {
  if (copy === undefined) return <span class="nothing">no copy</span>
  if (copy.isDamaged) return <span class="nothing">a damaged copy</span>
  const entries = Object.entries(copy.vector)
  return (
    <span class="copy">
      {copy.siblings.map((sibling) => (
        <Sibling key={`${sibling.actor}@${sibling.timestamp}`} sibling={sibling} />
      ))}
      {entries.length > 0 && (
        <span class="vector" title="The version vector: all writes that this copy includes.">
          {entries
            .map(([actor, timestamp]) => `${nodeOfActor(actor)}:${shortTime(timestamp)}`)
            .join(' ')}
        </span>
      )}
    </span>
  )
}

function Sibling({ sibling }: { readonly sibling: SiblingView }): VNode {
  const { actor, timestamp, isTombstone, value } = sibling
  return (
    <span class={isTombstone ? 'sibling tombstone' : 'sibling'}>
      {isTombstone ? '† deleted' : JSON.stringify(value)}
      <span class="dot" title="The dot: the node that minted this write, and when.">
        {nodeOfActor(actor)}:{shortTime(timestamp)}
      </span>
    </span>
  )
}

/** An actor is one life of a node. */
function nodeOfActor(actor: string): string {
  return /^n\d+/.exec(actor)?.[0] ?? actor
}

/** The last digits are enough to tell writes apart. */
function shortTime(timestamp: number): string {
  return String(timestamp).slice(-5)
}
