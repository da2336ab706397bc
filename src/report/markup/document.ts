/**
 * The frame of a page: one file that may load nothing else. Its security policy allows only its own script, so that
 * even markup that escaped the escaping could not run.
 */
import { createHash } from 'node:crypto'
import { escapeHtml, type Html } from '../../html/html.ts'

export function documentOf(page: {
  readonly title: string
  readonly style: string
  readonly body: Html
  /** JSON for the script. */
  readonly data?: Html
  readonly script?: Html
}): string {
  const { title, style, body, data, script } = page
  const scripts =
    script === undefined
      ? "'none'"
      : `'sha256-${createHash('sha256').update(script.markup).digest('base64')}'`
  const policy = `default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; script-src ${scripts}`
  return [
    '<!doctype html>',
    '<html lang="en"><head>',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${escapeHtml(policy)}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    '<link rel="icon" href="data:,">',
    `<title>${escapeHtml(title)}</title>`,
    `<style>${style}</style>`,
    '</head><body>',
    body.markup,
    data === undefined
      ? ''
      : `<script type="application/json" id="page-data">${data.markup}</script>`,
    // The digest in the policy covers every character between the tags.
    script === undefined ? '' : `<script>${script.markup}</script>`,
    '</body></html>',
    '',
  ].join('\n')
}
