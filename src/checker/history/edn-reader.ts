/**
 * Reads the subset of EDN that histories use: nil, booleans, numbers, strings, characters, keywords and symbols (as
 * texts), lists, vectors and sets (as lists), maps, tagged values (as the value), comments.
 */
import { exactInteger } from './exact-integer.ts'
import { HistoryError, type Json } from './history.ts'

export interface EdnForm {
  /** The line where the form begins, from 1. */
  readonly line: number
  readonly value: Json
}

/** Far deeper than any event. The bound keeps a malicious file from using up the stack. */
const DEPTH_MAX = 64
const CLOSERS: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}', '#{': '}' }
/** White space including commas, comments, openers and closers, strings, characters, and everything else. */
const TOKEN =
  /[\s,]+|;[^\n]*|#\{|#_|[()[\]{}]|"(?:[^"\\]|\\[^])*"|\\(?:[a-z]+|[^])|[^\s,;()[\]{}"\\]+/gy

interface Token {
  readonly text: string
  readonly line: number
}

/** Returns the value of a keyword, given its name without the colon. */
export type KeywordMeaning = (name: string) => Json

/** Returns the top-level forms of a text. By default a keyword becomes its name. Throws HistoryError with the line. */
export function readEdn(text: string, meaningOf: KeywordMeaning = (name) => name): EdnForm[] {
  const tokens = tokensOf(text)
  const forms: EdnForm[] = []
  const reader = new Reader(tokens, meaningOf)
  for (let next = reader.form(0); next !== undefined; next = reader.form(0)) forms.push(next)
  return forms
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = []
  let line = 1
  let end = 0
  for (const [token] of text.matchAll(TOKEN)) {
    if (!/^[\s,;]/.test(token)) tokens.push({ text: token, line })
    line += token.split('\n').length - 1
    end += token.length
  }
  if (end < text.length) throw new HistoryError(line, 'is not EDN: a string is not closed')
  return tokens
}

class Reader {
  readonly #tokens: readonly Token[]
  readonly #meaningOf: KeywordMeaning
  #at = 0

  constructor(tokens: readonly Token[], meaningOf: KeywordMeaning) {
    this.#tokens = tokens
    this.#meaningOf = meaningOf
  }

  /** The next form; undefined at the end of the text. */
  form(depth: number): EdnForm | undefined {
    for (;;) {
      const token = this.#tokens[this.#at++]
      if (token === undefined) return undefined
      const { text, line } = token
      if (depth > DEPTH_MAX) throw new HistoryError(line, `nests deeper than ${DEPTH_MAX}`)
      if (text === '#_') {
        this.#expect(line, depth)
        continue
      }
      const closer = CLOSERS[text]
      if (closer !== undefined) return { line, value: this.#collection(token, closer, depth) }
      if (text.startsWith('#') && text !== '##' && !text.startsWith('##')) {
        return { line, value: this.#expect(line, depth) }
      }
      if (text.startsWith(':')) return { line, value: this.#meaningOf(text.slice(1)) }
      return { line, value: atomOf(token) }
    }
  }

  #collection({ text, line }: Token, closer: string, depth: number): Json {
    const items: Json[] = []
    while (this.#tokens[this.#at]?.text !== closer) {
      // A discarded form may be the last one before the closer, so it must not be read as an item.
      if (this.#tokens[this.#at]?.text === '#_') {
        this.#at++
        this.#expect(line, depth)
      } else {
        items.push(this.#expect(line, depth))
      }
    }
    this.#at++
    if (text !== '{') return items
    if (items.length % 2 !== 0)
      throw new HistoryError(line, 'has a map with a key that has no value')
    const map: Record<string, Json> = {}
    for (let i = 0; i < items.length; i += 2) {
      const name = items[i] as Json
      map[typeof name === 'string' ? name : JSON.stringify(name)] = items[i + 1] as Json
    }
    return map
  }

  #expect(line: number, depth: number): Json {
    const form = this.form(depth + 1)
    if (form === undefined)
      throw new HistoryError(line, 'is not EDN: a bracket that opens here is not closed')
    return form.value
  }
}

function atomOf({ text, line }: Token): Json {
  if (text === 'nil') return null
  if (text === 'true' || text === 'false') return text === 'true'
  if (text.startsWith('"')) return stringOf(text, line)
  if (text.startsWith('\\')) return text.slice(1)
  if (/^[+-]?\d+N?$/.test(text)) return exactInteger(text.replace(/N$/, ''))
  if (/^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?M?$/.test(text)) return Number.parseFloat(text)
  if (/^[)\]}]$/.test(text))
    throw new HistoryError(line, `is not EDN: ${text} has no opening bracket`)
  return text
}

/** EDN has the escapes of JSON, but its strings may also contain raw line breaks. */
function stringOf(text: string, line: number): string {
  try {
    return JSON.parse(
      text.replaceAll('\n', '\\n').replaceAll('\r', '\\r').replaceAll('\t', '\\t'),
    ) as string
  } catch {
    throw new HistoryError(line, 'is not EDN: a string with an unknown escape')
  }
}
