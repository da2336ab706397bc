/**
 * The frame of a page: one file that may load nothing. Its policy lets run only the script that it was made
 * with, so that even markup that slipped through could not act.
 */
import { createHash } from 'node:crypto'
import { html, trusted, type Html } from './html.ts'

export function documentOf(page: {
  readonly title: string
  readonly style: string
  readonly body: Html
  /** JSON for the script; undefined where there is none. */
  readonly data?: Html
  readonly script?: Html
}): string {
  const { title, style, body, data, script } = page
  const scripts =
    script === undefined
      ? "'none'"
      : `'sha256-${createHash('sha256').update(script.markup).digest('base64')}'`
  const policy = `default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; script-src ${scripts}`
  // Line by line: the digest is of every character between the script's tags.
  return [
    html`<!doctype html>`,
    html`<html lang="en">
      <head>
        <meta charset="utf-8" />
      </head>
    </html>`,
    html`<meta http-equiv="Content-Security-Policy" content="${policy}" />`,
    html`<meta name="viewport" content="width=device-width, initial-scale=1" />`,
    html`<meta name="color-scheme" content="light dark" />`,
    html`<link rel="icon" href="data:," />`,
    html`<title>${title}</title>`,
    element('style', trusted(style)),
    html`</head><body>`,
    body,
    data === undefined
      ? html``
      : element('script', data, ' type="application/json" id="page-data"'),
    script === undefined ? html`` : element('script', script),
    html`</body></html>`,
  ]
    .map(({ markup }) => `${markup}\n`)
    .join('')
}

function element(name: string, content: Html, attributes = ''): Html {
  return trusted(`<${name}${attributes}>${content.markup}</${name}>`)
}
