/**
 * Markup from templates. Whatever is put into one is text and is escaped, unless it is markup made the same
 * way: no history, however strange, becomes part of the page's structure.
 */

export interface Html {
  readonly markup: string
}

/** Lists are put side by side; undefined and false are nothing. */
export type Insert = string | number | Html | readonly Insert[] | undefined | false

export function html(parts: TemplateStringsArray, ...inserts: readonly Insert[]): Html {
  return {
    markup: parts
      .map((part, i) => part + (i < inserts.length ? markupOf(inserts[i]) : ''))
      .join(''),
  }
}

/** Markup or style that comes from files of this project. Never for what a history says. */
export function trusted(markup: string): Html {
  return { markup }
}

/** A value as JSON that may stand inside a script element: no `<` in it can end the element or open another. */
export function jsonForScript(value: unknown): Html {
  return trusted(
    JSON.stringify(value)
      .replaceAll('<', String.raw`\u003c`)
      .replaceAll('\u2028', String.raw`\u2028`)
      .replaceAll('\u2029', String.raw`\u2029`),
  )
}

export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] as string)
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function markupOf(insert: Insert): string {
  if (insert === undefined || insert === false) return ''
  if (typeof insert === 'string') return escapeHtml(insert)
  if (typeof insert === 'number') return String(insert)
  if ('markup' in insert) return insert.markup
  return insert.map(markupOf).join('')
}
