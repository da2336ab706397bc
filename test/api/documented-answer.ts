/**
 * Compares answers of a node with what the OpenAPI document says of them: status, headers, media type, and the body with
 * all its members. The document lets answers grow; here a member that it does not name is a fault.
 */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { openApiDocument } from '../../src/api/document/openapi.ts'
import { ENDPOINTS } from '../../src/api/endpoints.ts'
import { ERRORS } from '../../src/core/errors.ts'

export interface AnswerToCheck {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly text: string
}

interface DocumentedAnswer {
  readonly headers?: Readonly<
    Record<string, { readonly required: boolean; readonly schema: JsonSchema }>
  >
  readonly content?: Readonly<Record<string, { readonly schema: JsonSchema }>>
}

interface Operation {
  readonly responses: Readonly<Record<string, DocumentedAnswer>>
}

interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> }
}

interface ProblemBody {
  readonly code: keyof typeof ERRORS
  readonly status: number
}

type JsonSchema = Readonly<Record<string, unknown>>

const PROBLEM_TYPE = 'application/problem+json'
const DOCUMENT = openApiDocument(ENDPOINTS, '1.2.3') as ApiDocument
const { Problem, ...OTHERS } = DOCUMENT.components.schemas
const COMPONENTS = { schemas: { ...(closed(OTHERS) as object), Problem } }
const PATTERNS = Object.keys(DOCUMENT.paths).map((path) => {
  const pattern = path.replaceAll('.', String.raw`\.`).replace('{key}', '.+')
  return { path, pattern: new RegExp(`^${pattern.replaceAll(/\{[a-z]+\}/g, '[^/]+')}$`) }
})

/** Throws an error that names the difference. */
export function expectDocumented(method: string, target: string, answer: AnswerToCheck): void {
  const fault = faultOf(method, target, answer)
  if (fault === undefined) return
  const { status, text } = answer
  throw new Error(`${method} ${target} is not as documented: ${fault}\n${status} ${text}`)
}

function faultOf(method: string, target: string, answer: AnswerToCheck): string | undefined {
  const [path = ''] = target.split('?', 1)
  const known = PATTERNS.find(({ pattern }) => pattern.test(path))
  const methods = known === undefined ? {} : (DOCUMENT.paths[known.path] ?? {})
  const isHead = method === 'HEAD'
  const operation = methods[method.toLowerCase()] ?? (isHead ? methods['get'] : undefined)
  // A request without an operation must be refused.
  if (operation === undefined) return problemFault(answer, isHead)
  const documented = operation.responses[answer.status] ?? operation.responses['default']
  if (documented === undefined) return 'its status has no entry'
  return headerFault(documented, answer) ?? (isHead ? undefined : bodyFault(documented, answer))
}

function problemFault(
  { status, headers, text }: AnswerToCheck,
  isHead: boolean,
): string | undefined {
  if (headers['content-type'] !== PROBLEM_TYPE) return 'it is no problem document'
  if (isHead) return undefined
  const problem = JSON.parse(text) as ProblemBody
  return (
    schemaFault({ ...Problem, additionalProperties: false }, problem) ??
    statusFault(status, problem)
  )
}

/** The status line, the problem and the catalogue must agree. */
function statusFault(status: number, problem: ProblemBody): string | undefined {
  const { status: expected } = ERRORS[problem.code]
  if (status === expected && problem.status === expected) return undefined
  return `the status of ${problem.code} is ${expected}`
}

function headerFault(
  { headers = {} }: DocumentedAnswer,
  answer: AnswerToCheck,
): string | undefined {
  for (const [name, { required, schema }] of Object.entries(headers)) {
    const text = answer.headers[name.toLowerCase()]
    if (text === undefined) {
      if (required) return `the header ${name} is missing`
      continue
    }
    const fault = schemaFault(schema, schema['type'] === 'integer' ? Number(text) : text)
    if (fault !== undefined) return `the header ${name}: ${fault}`
  }
  // Every header of this interface is documented.
  const names = Object.keys(headers).map((name) => name.toLowerCase())
  return Object.keys(answer.headers)
    .filter((name) => name.startsWith('quorate-') && !names.includes(name))
    .map((name) => `the header ${name} has no entry`)[0]
}

function bodyFault({ content }: DocumentedAnswer, answer: AnswerToCheck): string | undefined {
  const { status, headers, text } = answer
  const [type = ''] = (headers['content-type'] ?? '').split(';')
  if (content === undefined) return text === '' ? undefined : 'it has a body'
  const schema = (content[type] ?? content['*/*'])?.schema
  if (schema === undefined) return `the type ${type} has no entry`
  if (content[type] === undefined || !type.endsWith('json') || type.includes('ndjson'))
    return undefined
  const data = JSON.parse(text) as Record<string, unknown>
  if (type !== PROBLEM_TYPE) return schemaFault(schema, data)
  const closedSchema = { ...schema, unevaluatedProperties: false }
  return schemaFault(closedSchema, data) ?? statusFault(status, data as unknown as ProblemBody)
}

const AJV = new Ajv2020({ strict: false, validateFormats: false, allowUnionTypes: true })
const VALIDATORS = new Map<string, ValidateFunction>()

/** Compiles each schema once, because that takes longer than most requests. */
function schemaFault(schema: JsonSchema, data: unknown): string | undefined {
  const text = JSON.stringify(schema)
  let validate = VALIDATORS.get(text)
  if (validate === undefined) {
    validate = AJV.compile({ ...schema, components: COMPONENTS })
    VALIDATORS.set(text, validate)
  }
  return validate(data) ? undefined : AJV.errorsText(validate.errors)
}

/** The schemas, with objects that have no members but the named ones. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed)
  if (typeof value !== 'object' || value === null) return value
  const schema = Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, closed(member)]),
  )
  const isOpen = schema['type'] === 'object' && schema['additionalProperties'] === undefined
  return isOpen && 'properties' in schema ? { ...schema, additionalProperties: false } : schema
}
