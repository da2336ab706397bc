/** A page of this interface: its frame, its style, and the headers that let a browser load nothing else. */
import { createHash } from 'node:crypto'
import type { Html } from '../../html/html.ts'
import { escapeHtml } from '../../html/html.ts'
import type { HeaderList } from '../http/respond.ts'

const STYLE = `
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem } h2 { font-size: 1.1rem; margin: 2.5rem 0 .5rem } h3 { font-size: 1rem; margin: 1.2rem 0 .3rem }
code, pre { font-family: ui-monospace, monospace; font-size: .9em }
pre { overflow: auto; padding: .6rem .8rem; background: #8882; border-radius: .3rem }
table { border-collapse: collapse; width: 100% }
td { border-top: 1px solid #8884; padding: .3rem .8rem .3rem 0; vertical-align: top; overflow-wrap: anywhere }
td:first-child { white-space: nowrap }
nav td:first-child { width: 22rem }
details pre { max-height: 24rem }
section { border-top: 2px solid #8884 }
@media (max-width: 40rem) {
  td { display: block; border: 0 } td:empty { display: none } td + td { padding-top: 0 }
  tr { display: block; border-top: 1px solid #8884 }
}
`
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64')

export function documentPage(title: string, content: Html): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
${content.markup}
</body>
</html>
`
}

export function pageHeaders(): HeaderList {
  return [
    'Content-Type',
    'text/html; charset=utf-8',
    'Content-Security-Policy',
    `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    'X-Content-Type-Options',
    'nosniff',
  ]
}
