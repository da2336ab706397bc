/**
 * Makes markup from templates. A template escapes every insert, unless it is markup from another template. So no text
 * from outside can become part of the page's structure.
 */

export interface Html {
  readonly markup: string
}

/** A list becomes the sequence of its items; undefined and false become nothing. */
export type Insert = string | number | Html | readonly Insert[] | undefined | false

export function html(parts: TemplateStringsArray, ...inserts: readonly Insert[]): Html {
  return {
    markup: parts
      .map((part, i) => part + (i < inserts.length ? markupOf(inserts[i]) : ''))
      .join(''),
  }
}

/** Marks text from files of this project as markup. Never use it for text from outside, such as that of a history. */
export function trusted(markup: string): Html {
  return { markup }
}

/** A value as JSON for a script element. It contains no `<`, which could end the element or open another. */
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
