/** The OpenAPI document is a valid one, and says everything that it must. */
import { Validator } from '@seriousme/openapi-schema-validator'
import { expect, test } from 'vitest'
import { openApiDocument } from '../../../src/api/document/openapi.ts'
import { ENDPOINTS } from '../../../src/api/endpoints.ts'
import { errorsOf } from '../../../src/api/http/endpoint.ts'
import { ERRORS } from '../../../src/core/errors.ts'

/** Requests that no endpoint takes end with these. */
const OUTSIDE = ['method_not_allowed', 'certificate_required']

/** The document as clients read it. */
const DOCUMENT = JSON.parse(JSON.stringify(openApiDocument(ENDPOINTS, '1.2.3'))) as Readonly<
  Record<string, unknown>
>

test('openapi: the document is valid by the schema of OpenAPI 3.1', async () => {
  const validator = new Validator()
  expect(await validator.validate(DOCUMENT)).toEqual({ valid: true })
  expect(validator.version).toBe('3.1')
  expect(() => validator.resolveRefs()).not.toThrow()
})

test('openapi: the validator finds a fault', async () => {
  const faulty = { ...DOCUMENT, paths: { '/a': { get: { tags: 1 } } } }
  expect(await new Validator().validate(faulty)).toMatchObject({ valid: false })
})

test('openapi: every endpoint has a name and a place of its own', () => {
  const ids = ENDPOINTS.map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  const places = ENDPOINTS.map(({ method, path }) => `${method} ${path}`)
  expect(new Set(places).size).toBe(places.length)
})

test('openapi: each parameter in a path is described, and each example fits its path', () => {
  for (const { path, pathParameters = [], example } of ENDPOINTS) {
    const names = [...path.matchAll(/\{([a-z]+)\}/g)].map(([, name]) => name)
    expect(pathParameters.map(({ name }) => name)).toEqual(names)
    const pattern = path.replaceAll('.', String.raw`\.`).replaceAll(/\{[a-z]+\}/g, '[^/?]+')
    expect(example.target).toMatch(new RegExp(`^${pattern}(?:$|[?])`))
  }
})

test('openapi: every error of the catalogue is an answer to something', () => {
  const documented = new Set<string>([...OUTSIDE, ...ENDPOINTS.flatMap(errorsOf)])
  expect(Object.keys(ERRORS).filter((code) => !documented.has(code))).toEqual([])
})
