/** The style of all pages, as one text. */
import { readFileSync } from 'node:fs'

/** Later files override earlier ones. */
const FILES = ['colours.css', 'pictures.css', 'levels.css', 'page.css']

export function pageStyle(): string {
  return FILES.map((file) =>
    readFileSync(new URL(`../page/${file}`, import.meta.url), 'utf8'),
  ).join('')
}
