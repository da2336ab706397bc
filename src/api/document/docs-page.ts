/**
 * The page of the interface for people, written from the table of endpoints. It needs no script and nothing from
 * elsewhere, so it works without a network and under a content policy that allows only its own style.
 */
import { ERRORS } from '../../core/errors.ts'
import { html, type Html } from '../../html/html.ts'
import {
  type Answer,
  type Endpoint,
  errorsOf,
  type HeaderField,
  type Tag,
} from '../http/endpoint.ts'
import { wordsOfRule } from '../access/access-rule.ts'
import type { Schema } from '../http/schema.ts'
import { documentPage } from './document-page.ts'
import { ABOUT, NOTES, TAGS } from './interface-words.ts'

export function docsPage(endpoints: readonly Endpoint[], version: string): string {
  const tags = Object.keys(TAGS) as Tag[]
  return documentPage(
    'Quorate: the HTTP interface',
    html`<h1>The HTTP interface of Quorate ${version}</h1>
      <p>${ABOUT} For programs: <a href="/openapi.json">openapi.json</a>.</p>
      ${NOTES.map((note) => html`<p>${prose(note)}</p>`)}
      <nav>
        ${tags.map(
          (tag) =>
            html`<h2>${TAGS[tag]}</h2>
              ${overview(endpoints, tag)}`,
        )}
      </nav>
      ${endpoints.map(section)}
      <section id="errors">
        <h2>Errors</h2>
        ${errorTable()}
      </section>`,
  )
}

function overview(endpoints: readonly Endpoint[], tag: Tag): Html {
  const rows = endpoints
    .filter((endpoint) => endpoint.tag === tag)
    .map(
      ({ id, method, path, summary }) =>
        html`<tr>
          <td>
            <a href="#${id}"><code>${method} ${path}</code></a>
          </td>
          <td>${summary}</td>
        </tr>`,
    )
  return html`<table>
    ${rows}
  </table>`
}

function section(endpoint: Endpoint): Html {
  const { id, method, path, summary, description, access, body, answers } = endpoint
  return html`<section id="${id}">
    <h2><code>${method} ${path}</code></h2>
    <p>${summary}.${description !== undefined && html` ${prose(description)}`}</p>
    <p>If the node asks for tokens, this needs ${wordsOfRule(access)}.</p>
    <pre>${curlOf(endpoint)}</pre>
    ${parameterTable(endpoint)}
    ${
      body !== undefined &&
      html`<h3>Body</h3>
        <p>${prose(body.meaning)}</p>
        ${schemaDetails(body.schema)}`
    }
    <h3>Answers</h3>
    <table>
      ${answers.map(answerRow)}
      <tr>
        <td>errors</td>
        <td>
          ${errorsOf(endpoint).map((code) => html`<a href="#${code}"><code>${code}</code></a> `)}
        </td>
      </tr>
    </table>
  </section>`
}

/** The example as a command for the first node of `npm start`. */
function curlOf({ method, example: { target, headers = {}, body } }: Endpoint): string {
  const address = `localhost:8001${target}`
  const quotedWord = (word: string): string => (/^[\w./:-]+$/.test(word) ? word : `'${word}'`)
  return [
    'curl',
    ...(method === 'GET' ? [] : method === 'HEAD' ? ['-I'] : ['-X', method]),
    quotedWord(address),
    ...Object.entries(headers).flatMap(([name, value]) => ['-H', `'${name}: ${value}'`]),
    ...(body === undefined ? [] : ['-d', quotedWord(body)]),
  ].join(' ')
}

function parameterTable({ pathParameters = [], query = [], headers = [] }: Endpoint): Html | false {
  if (pathParameters.length + query.length + headers.length === 0) return false
  const row = (name: string, meaning: string, schema: Schema): Html =>
    html`<tr>
      <td><code>${name}</code></td>
      <td>${valuesOf(schema)}</td>
      <td>${prose(meaning)}</td>
    </tr>`
  return html`<h3>Parameters and headers</h3>
    <table>
      ${pathParameters.map(({ name, meaning, schema }) => row(`{${name}}`, meaning, schema))}
      ${query.map(({ name, meaning, schema }) => row(`${name}=`, meaning, schema))}
      ${headers.map(({ name, meaning }) => row(`${name}:`, meaning, {}))}
    </table>`
}

function answerRow({ status, meaning, headers = [], optionalHeaders = [], content }: Answer): Html {
  const all = new Map([...headers, ...optionalHeaders].map((field) => [field.name, field]))
  return html`<tr>
    <td>${status}</td>
    <td>
      ${prose(meaning)} ${all.size > 0 && headerDetails([...all.values()])}
      ${Object.entries(content ?? {}).map(
        ([type, schema]) =>
          html`<div><code>${type}</code></div>
            ${schemaDetails(schema)}`,
      )}
    </td>
  </tr>`
}

function headerDetails(fields: readonly HeaderField[]): Html {
  const rows = fields.map(
    ({ name, meaning }) =>
      html`<tr>
        <td><code>${name}</code></td>
        <td>${prose(meaning)}</td>
      </tr>`,
  )
  return html`<details>
    <summary>Headers</summary>
    <table>
      ${rows}
    </table>
  </details>`
}

function schemaDetails(schema: Schema | undefined): Html | false {
  if (schema?.properties === undefined && schema?.anyOf === undefined) return false
  const { title = 'Schema' } = schema
  return html`<details>
    <summary>${title}</summary>
    <pre>${JSON.stringify(schema, undefined, 2)}</pre>
  </details>`
}

/** The values that a schema allows, in a few words. */
function valuesOf(schema: Schema): string | Html {
  const { type, enum: choices, minimum, maximum, pattern } = schema
  if (choices !== undefined) return choices.join(', ')
  if (minimum !== undefined && maximum !== undefined) {
    return `${minimum} to ${maximum}`
  }
  if (minimum !== undefined) return `from ${minimum}`
  if (pattern !== undefined) return html`<code>${pattern}</code>`
  return type === 'boolean' ? 'true, false' : ''
}

function errorTable(): Html {
  const rows = Object.entries(ERRORS).map(
    ([code, { status, outcome, retryable, title }]) =>
      html`<tr id="${code}">
        <td>${status}</td>
        <td><code>${code}</code></td>
        <td>${outcome}</td>
        <td>${retryable ? 'retryable' : ''}</td>
        <td>${title}</td>
      </tr>`,
  )
  return html`<table>
    ${rows}
  </table>`
}

/** Text with words between backquotes as code. */
function prose(text: string): Html {
  return html`${text.split('`').map((part, i) => (i % 2 === 0 ? part : html`<code>${part}</code>`))}`
}
