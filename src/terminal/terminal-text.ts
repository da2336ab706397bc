/**
 * Makes text from the store safe for a terminal. A key or a value may come from a stranger and have control characters,
 * and a terminal would obey them.
 */

/** Control and format characters, and the separators of lines. Format characters can reorder text. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu
const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }
const COMBINING = /^\p{M}$/u
/** East Asian wide and full-width characters, and pictures. */
const WIDE =
  /^(?:[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1b000}-\u{1b2ff}\u{1f200}-\u{1f2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation})$/u

/** The text on one line, with a backslash in the place of each character that would not show. */
export function visible(text: string): string {
  return text.replaceAll(INVISIBLE, (character) => {
    const code = (character.codePointAt(0) as number).toString(16)
    return SHORT[character] ?? `\\u{${code}}`
  })
}

/**
 * Like `visible`, and exact: different texts look different, because a backslash of the text is doubled. For lines that
 * programs read.
 */
export function escaped(text: string): string {
  return visible(text.replaceAll('\\', String.raw`\\`))
}

/** For the help of commands that write keys in such lines. */
export const ABOUT_ESCAPED =
  'In lines that are not for a terminal, a backslash in a key is doubled, and a control character is written as ' +
  String.raw`\n, \r, \t or \u{1b}. With --json keys are strings of JSON.`

/** Whether the bytes are text that may go to a terminal unchanged. */
export function isPrintable(bytes: Uint8Array): boolean {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    return !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text.replaceAll(/[\n\r\t]/g, ''))
  } catch {
    return false // Not UTF-8.
  }
}

/** How many columns of a terminal the text takes. It must be `visible`. */
export function widthOf(text: string): number {
  let width = 0
  for (const character of text) {
    if (!COMBINING.test(character)) width += WIDE.test(character) ? 2 : 1
  }
  return width
}

/** The beginning of the text, which ends with `…` if the rest is cut off. */
export function shortened(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text
  let width = 1
  let kept = ''
  for (const character of text) {
    width += widthOf(character)
    if (width > columns) break
    kept += character
  }
  return `${kept}…`
}

/** The text as one word of a shell's command line, without control characters. */
export function shellWord(text: string): string {
  if (/^[\w@%+=:,./-]+$/.test(text)) return text
  if (visible(text) === text) return `'${text.replaceAll("'", String.raw`'\''`)}'`
  const escaped = text.replaceAll(/[\\']/g, String.raw`\$&`).replaceAll(INVISIBLE, (character) => {
    const code = (character.codePointAt(0) as number).toString(16)
    return SHORT[character] ?? String.raw`\U${code.padStart(8, '0')}`
  })
  return `$'${escaped}'`
}
