/** Describes the paths of access tokens for the table of endpoints. */
import { TOKENS_MAX } from '../../core/access/access-token.ts'
import type { Grant } from '../../core/access/grant.ts'
import { ADMIN } from '../access/access-rule.ts'
import { type Endpoint, type HeaderField, TOPOLOGY_ERRORS } from '../http/endpoint.ts'
import { timeoutParameter } from '../http/request-deadline.ts'
import { about, COUNT, listOf, objectOf, orNull, TEXT, type Schema } from '../http/schema.ts'
import { GRANT, TOKEN_EXAMPLE, TOKEN_NAME_SCHEMA, TOKEN_REQUEST } from './token-request.ts'

const BODY_BYTES_MAX = 65_536
/** Bounds the decision of the voters. */
export const TOKEN_TIMEOUT_MS = 10_000
export const TOKENS_PATH = '/v1/access/tokens'

/** What anybody may know of a token. Neither its text nor its hash is among that. */
export interface TokenInfo {
  readonly name: string
  readonly grants: readonly Grant[]
  readonly createdAt: string
  readonly expiresAt: string | null
  /** Null for the limit of each node. */
  readonly requestsPerSecond: number | null
  readonly state: 'valid' | 'expired'
}

const TIME: Schema = { type: 'string', format: 'date-time' }
const INFO = {
  name: TOKEN_NAME_SCHEMA,
  grants: listOf(GRANT),
  createdAt: TIME,
  expiresAt: orNull(TIME),
  requestsPerSecond: orNull(COUNT),
  state: { type: 'string', enum: ['valid', 'expired'] },
} satisfies Record<keyof TokenInfo, Schema>

export const TOKEN_TIMEOUT = timeoutParameter(TOKEN_TIMEOUT_MS)
const LOCATION: HeaderField = { name: 'Location', meaning: 'The path of the token.', schema: TEXT }

export const CREATE_TOKEN: Endpoint = {
  method: 'POST',
  path: TOKENS_PATH,
  id: 'createToken',
  tag: 'access',
  access: ADMIN,
  summary: 'Makes a token',
  description:
    'The text of the token is in this answer alone: the cluster keeps only its hash. Every node in reach takes the token ' +
    `when the answer is sent. A cluster has at most ${TOKENS_MAX} tokens. Only a node with QUORATE_AUTH=on makes tokens.`,
  query: [TOKEN_TIMEOUT],
  body: {
    meaning: 'The name of the token, and what it may do.',
    schema: TOKEN_REQUEST,
    bytesMax: BODY_BYTES_MAX,
    isRequired: true,
  },
  answers: [
    {
      status: 201,
      meaning: 'The token was made.',
      headers: [LOCATION],
      content: {
        'application/json': objectOf<TokenInfo & { token: string }>('NewToken', {
          ...INFO,
          token: about(TEXT, 'Send it as `Authorization: Bearer TOKEN`. It is not shown again.'),
        }),
      },
    },
  ],
  errors: ['bad_parameter', 'token_exists', 'limit_reached', ...TOPOLOGY_ERRORS],
  example: { target: TOKENS_PATH, body: TOKEN_EXAMPLE },
}

export const LIST_TOKENS: Endpoint = {
  method: 'GET',
  path: TOKENS_PATH,
  id: 'listTokens',
  tag: 'access',
  access: ADMIN,
  summary: 'Lists the tokens, without their texts',
  query: [],
  answers: [
    {
      status: 200,
      meaning:
        'The tokens that this node knows, sorted by name. Those in QUORATE_ROOT_TOKEN_FILE are not listed.',
      content: {
        'application/json': objectOf<{ tokens: TokenInfo[] }>('Tokens', {
          tokens: listOf(objectOf<TokenInfo>('TokenInfo', INFO)),
        }),
      },
    },
  ],
  errors: ['bad_parameter', 'not_ready'],
  example: { target: TOKENS_PATH },
}

export const REVOKE_TOKEN: Endpoint = {
  method: 'DELETE',
  path: `${TOKENS_PATH}/{name}`,
  id: 'revokeToken',
  tag: 'access',
  access: ADMIN,
  summary: 'Revokes a token',
  description:
    'Every node in reach refuses the token when the answer is sent. A node that is cut off takes it until it hears of ' +
    'the new topology document.',
  pathParameters: [{ name: 'name', meaning: 'The name of the token.', schema: TOKEN_NAME_SCHEMA }],
  query: [TOKEN_TIMEOUT],
  answers: [{ status: 204, meaning: 'The token is revoked.' }],
  errors: ['bad_parameter', 'token_unknown', 'change_under_way', ...TOPOLOGY_ERRORS],
  example: { target: `${TOKENS_PATH}/web` },
}
