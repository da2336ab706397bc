/** Describes the paths of the lab, for the table of endpoints. */
import { OPEN } from '../access/access-rule.ts'
import type { Endpoint } from '../http/endpoint.ts'
import { TEXT } from '../http/schema.ts'

export const GET_LAB: Endpoint = {
  method: 'GET',
  path: '/ui/',
  id: 'getLab',
  tag: 'about',
  access: OPEN,
  summary: 'Shows the lab: a page with a simulated cluster to break',
  answers: [{ status: 200, meaning: 'The page.', content: { 'text/html': TEXT } }],
  errors: ['path_unknown'],
  example: { target: '/ui/' },
}

export const GET_LAB_PATH: Endpoint = {
  method: 'GET',
  path: '/ui',
  id: 'getLabPath',
  tag: 'about',
  access: OPEN,
  summary: 'Leads to `/ui/`',
  answers: [
    {
      status: 308,
      meaning: 'The lab has this address, with a slash at its end.',
      headers: [{ name: 'Location', meaning: 'The address, relative to this one.', schema: TEXT }],
    },
  ],
  errors: [],
  example: { target: '/ui' },
}

export const GET_LAB_FILE: Endpoint = {
  method: 'GET',
  path: '/ui/assets/{file}',
  id: 'getLabFile',
  tag: 'about',
  access: OPEN,
  summary: 'Loads a file of the lab',
  pathParameters: [
    {
      name: 'file',
      meaning: 'A name that the page contains. The content under a name never changes.',
      schema: TEXT,
    },
  ],
  answers: [
    {
      status: 200,
      meaning: 'The file.',
      content: { 'text/javascript': TEXT, 'text/css': TEXT, 'image/svg+xml': TEXT },
    },
  ],
  errors: ['path_unknown'],
  example: { target: '/ui/assets/lab-1.css' },
}
