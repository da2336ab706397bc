/** The table of faults. */
import { seconds } from '../../checker/history/history.ts'
import { GAP_MEANING, gapText, type AnswerGap } from '../analysis/answer-gap.ts'
import { RECOVERY_MEANING, type FaultRow, type Recovery } from '../analysis/fault-table.ts'
import { html, type Html } from '../../html/html.ts'

export function faultSection(rows: readonly FaultRow[], gap: AnswerGap | undefined): Html {
  if (rows.length === 0) {
    return html`<section id="faults">
      <h2>Faults</h2>
      <p>No fault was injected in this run.</p>
      ${gapParagraph(gap)}
    </section>`
  }
  return html`<section id="faults">
    <h2>Faults</h2>
    <div class="scroll" tabindex="0" role="region" aria-label="Table of faults">
      <table aria-describedby="recovery-meaning">
        <thead>
          <tr>
            <th>What</th>
            <th class="n">From</th>
            <th class="n">To</th>
            <th class="n">Length</th>
            <th class="n">ok</th>
            <th class="n">Rejected</th>
            <th class="n">Unknown</th>
            <th>Time to recover</th>
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            (row) =>
              html`<tr>
                <th scope="row">${row.what}</th>
                <td class="n" data-label="From">${seconds(row.startAt)}</td>
                <td class="n" data-label="To">
                  ${row.healedAt === undefined ? 'not healed' : seconds(row.healedAt)}
                </td>
                <td class="n" data-label="Length">
                  ${row.healedAt === undefined ? '' : seconds(row.healedAt - row.startAt)}
                </td>
                <td class="n" data-label="ok">${row.ok}</td>
                <td class="n" data-label="Rejected">${row.rejected}</td>
                <td class="n" data-label="Unknown">${row.unknown}</td>
                <td data-label="Time to recover">${recoveryText(row.recovery)}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    <p class="quiet" id="recovery-meaning">${RECOVERY_MEANING}</p>
    ${gapParagraph(gap)}
  </section>`
}

function gapParagraph(gap: AnswerGap | undefined): Html | undefined {
  return (
    gap &&
    html`<p><b>Longest gap:</b> ${gapText(gap)}. <span class="quiet">${GAP_MEANING}</span></p>`
  )
}

function recoveryText(recovery: Recovery): string {
  switch (recovery.type) {
    case 'no outage':
      return 'no outage'
    case 'during':
      return `${seconds(recovery.afterNs)} after the fault began`
    case 'after heal':
      return `${seconds(recovery.afterNs)} after the heal${recovery.isFirstAsk ? ', at the first request to the last node' : ''}`
    case 'not seen':
      return notSeenText(recovery)
    default:
      return recovery satisfies never
  }
}

function notSeenText({ nodes, nextAfterNs }: Recovery & { readonly type: 'not seen' }): string {
  const names = nodes.length === 0 ? 'the store' : nodes.join(', ')
  if (nextAfterNs === undefined)
    return `unknown: ${names} did not answer again before the run ended`
  return `unknown: the next fault began ${seconds(nextAfterNs)} after the heal, before ${names} answered again`
}
