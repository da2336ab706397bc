/** Describes the paths that explain the interface itself, for the table of endpoints. */
import { OPEN } from '../access/access-rule.ts'
import type { Endpoint, HeaderField } from '../http/endpoint.ts'
import { mapOf, objectOf, TEXT } from '../http/schema.ts'

const VARY: HeaderField = { name: 'Vary', meaning: 'The answer depends on Accept.', schema: TEXT }

export interface Home {
  readonly name: string
  readonly about: string
  readonly version: string
  readonly node: string
  readonly links: Readonly<Record<string, string>>
}

export const GET_HOME: Endpoint = {
  method: 'GET',
  path: '/',
  id: 'getHome',
  tag: 'about',
  access: OPEN,
  summary: 'Says what this is, and links to the rest',
  headers: [
    {
      name: 'Accept',
      meaning: '`text/html` asks for a page. By default the answer is JSON.',
      schema: TEXT,
    },
  ],
  answers: [
    {
      status: 200,
      meaning: 'What this is, which version, and which node.',
      headers: [VARY],
      content: {
        'application/json': objectOf<Home>('Home', {
          name: TEXT,
          about: TEXT,
          version: TEXT,
          node: { ...TEXT, description: 'The id of the node that answers.' },
          links: mapOf(TEXT),
        }),
        'text/html': TEXT,
      },
    },
  ],
  errors: [],
  example: { target: '/' },
}

export const GET_DOCS: Endpoint = {
  method: 'GET',
  path: '/docs',
  id: 'getDocs',
  tag: 'about',
  access: OPEN,
  summary: 'Shows this interface as a page',
  answers: [{ status: 200, meaning: 'The page.', content: { 'text/html': TEXT } }],
  errors: [],
  example: { target: '/docs' },
}

export const GET_OPENAPI: Endpoint = {
  method: 'GET',
  path: '/openapi.json',
  id: 'getOpenApi',
  tag: 'about',
  access: OPEN,
  summary: 'Describes this interface for programs, as OpenAPI 3.1',
  answers: [
    {
      status: 200,
      meaning: 'The document.',
      content: { 'application/json': { type: 'object', description: 'An OpenAPI document.' } },
    },
  ],
  errors: [],
  example: { target: '/openapi.json' },
}
