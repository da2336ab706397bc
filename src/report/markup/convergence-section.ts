/** Shows convergence as text: a summary, then the keys on which nodes disagree, then the others. */
import type { KeyConvergence } from '../analysis/convergence.ts'
import { html, type Html } from '../../html/html.ts'

const KEYS_MAX = 200
const NAMES_MAX = 30

const STATE_WORDS: Readonly<Record<KeyConvergence['state'], string>> = {
  same: '✓ the same',
  different: '✗ different',
  unanswered: '? some nodes did not answer',
  alone: '? only one node was asked',
  unread: '? no node was asked',
}

export function convergenceSection(keys: readonly KeyConvergence[]): Html {
  const of = (state: KeyConvergence['state']): KeyConvergence[] =>
    keys.filter((key) => key.state === state)
  const bad = [...of('different'), ...of('unanswered'), ...of('alone')]
  const same = of('same')
  const unread = of('unread')
  return html`<section id="convergence">
    <h2>Did all nodes agree at the end?</h2>
    <p>${summaryOf(keys.length, same.length, of('different').length, unread.length)}</p>
    ${bad.length > 0 && table(bad)}
    ${unread.length > 0 && unread.length < keys.length && html`<p>Keys without a final read: ${namesOf(unread)}.</p>`}
    ${
      same.length > 0 &&
      html`<details>
        <summary>
          ${same.length === 1 ? 'The key' : `The ${same.length} keys`} on which all nodes agree
        </summary>
        ${table(same)}
      </details>`
    }
  </section>`
}

function namesOf(keys: readonly KeyConvergence[]): string {
  const names = keys.slice(0, NAMES_MAX).map(({ key }) => key)
  const left = keys.length - names.length
  return `${names.join(', ')}${left > 0 ? ` and ${left} more` : ''}`
}

function summaryOf(all: number, same: number, different: number, unread: number): string {
  if (all === unread) return 'Unknown: no key was read after the last write had ended.'
  const meaning =
    'This compares the final reads: after the last write has ended, the check reads each key through every node.'
  if (same === all) return `Yes: all nodes gave the same answer for each of ${all} keys. ${meaning}`
  const answer =
    different > 0
      ? `No: nodes gave different answers for ${different} of ${all} keys.`
      : `Unknown for some keys: all nodes agree on ${same} of ${all} keys, and no final reads can be compared for the others.`
  return `${answer} ${meaning}`
}

function table(keys: readonly KeyConvergence[]): Html {
  const shown = keys.slice(0, KEYS_MAX)
  const left = keys.length - shown.length
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Final reads">
      <table>
        <thead>
          <tr>
            <th>Key</th>
            <th>Agreement</th>
            <th>Answers</th>
          </tr>
        </thead>
        <tbody>
          ${shown.map(rowOf)}
        </tbody>
      </table>
    </div>
    ${left > 0 && html`<p class="quiet">${left} more keys are not shown here; see history.jsonl.</p>`}`
}

function rowOf({ key, state, nodes, common }: KeyConvergence): Html {
  return html`<tr class="${state}">
    <th scope="row">${key === '' ? 'the object' : key}</th>
    <td>${STATE_WORDS[state]}</td>
    <td>
      ${
        state === 'same'
          ? `${nodes.map(({ node }) => node).join(', ')}: ${common ?? ''}`
          : html`<ul class="plain">
              ${nodes.map(
                ({ node, answer, error }) =>
                  html`<li>
                    <b>${node}</b>:
                    ${answer ?? `no answer${error === undefined ? '' : ` (${error})`}`}
                  </li>`,
              )}
            </ul>`
      }
    </td>
  </tr>`
}
