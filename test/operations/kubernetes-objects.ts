/**
 * Kubernetes objects from files, and what the published schemas say of them. The schemas come as validators that ignore
 * fields they do not know, and a misspelled field is one of those. So the validator reads the object through a proxy, and
 * a field that it never reads is unknown.
 */
import { join, posix } from 'node:path'
import { validate as validateNetworkPolicy } from 'kubernetes-models/_schemas/IoK8sApiNetworkingV1NetworkPolicy'
import { validate as validateService } from 'kubernetes-models/_schemas/IoK8sApiCoreV1Service'
import { validate as validateStatefulSet } from 'kubernetes-models/_schemas/IoK8sApiAppsV1StatefulSet'
import { validate as validateDisruptionBudget } from 'kubernetes-models/_schemas/IoK8sApiPolicyV1PodDisruptionBudget'
import { parse, parseAllDocuments } from 'yaml'
import { readFiles } from '../tidy/project-files.ts'

export const KUBERNETES = 'docker/kubernetes'

export interface KubernetesObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly labels?: Labels }
  readonly spec: Readonly<Record<string, unknown>>
}

type Labels = Readonly<Record<string, string>>

export interface EnvironmentVariable {
  readonly name: string
  readonly value?: string
}

export interface Container {
  readonly image: string
  readonly command: readonly string[]
  readonly args: readonly string[]
  readonly env: readonly EnvironmentVariable[]
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[]
  readonly securityContext: Readonly<Record<string, unknown>>
}

export interface StatefulSetSpec {
  readonly serviceName: string
  readonly replicas: number
  readonly template: {
    readonly metadata: { readonly labels: Labels }
    readonly spec: Readonly<Record<string, unknown>> & { readonly containers: [Container] }
  }
}

interface Validator {
  (data: unknown): boolean
  readonly errors?: readonly { readonly instancePath: string; readonly message?: string }[] | null
}

const VALIDATORS: Readonly<Record<string, unknown>> = {
  'apps/v1 StatefulSet': validateStatefulSet,
  'networking.k8s.io/v1 NetworkPolicy': validateNetworkPolicy,
  'policy/v1 PodDisruptionBudget': validateDisruptionBudget,
  'v1 Service': validateService,
}

/** One sentence for each fault. */
export function schemaFaults(object: KubernetesObject): readonly string[] {
  const kind = `${object.apiVersion} ${object.kind}`
  const validate = VALIDATORS[kind] as Validator | undefined
  if (validate === undefined) return [`there is no schema of ${kind}`]
  const observed = new ObservedReads()
  const isValid = validate(observed.of(object))
  const faults = isValid
    ? []
    : (validate.errors ?? []).map(
        ({ instancePath, ...error }) => `${instancePath}: ${JSON.stringify(error)}`,
      )
  return [...faults, ...observed.neverRead(object)]
}

class ObservedReads {
  readonly #proxies = new WeakMap<object, object>()
  readonly #read = new WeakMap<object, Set<string | symbol>>()

  of(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value
    const known = this.#proxies.get(value)
    if (known !== undefined) return known
    const read = new Set<string | symbol>()
    const proxy = new Proxy(value, {
      get: (target, key) => {
        read.add(key)
        return this.of(Reflect.get(target, key))
      },
    })
    this.#proxies.set(value, proxy)
    this.#read.set(value, read)
    return proxy
  }

  neverRead(value: unknown, path = ''): readonly string[] {
    if (typeof value !== 'object' || value === null) return []
    const read = this.#read.get(value)
    return Object.entries(value).flatMap(([key, member]) =>
      read?.has(key) === true
        ? this.neverRead(member, `${path}/${key}`)
        : [`${path}/${key}: unknown field`],
    )
  }
}

/** The objects of a text of YAML documents. */
export function parseObjects(text: string): readonly KubernetesObject[] {
  return parseAllDocuments(text).map((document) => {
    const [error] = document.errors
    if (error !== undefined) throw error
    return document.toJS() as KubernetesObject
  })
}

/** Keys by which lists of the objects here are merged. */
const MERGE_KEYS = ['mountPath', 'name', 'containerPort']

/** What kustomize makes of an object and a strategic merge patch. A list is merged by the key of its members. */
export function patched<T>(value: T, patch: unknown): T {
  if (Array.isArray(value) && Array.isArray(patch)) {
    const key = MERGE_KEYS.find((name) => patch.every((member) => name in (member as object)))
    const keyOf = (member: unknown): unknown => (member as Record<string, unknown>)[key ?? '']
    const changed = value.map((member: unknown) => {
      const change = patch.find((each) => keyOf(each) === keyOf(member)) as unknown
      return change === undefined ? member : patched(member, change)
    })
    const added = patch.filter((each) => !value.some((member) => keyOf(member) === keyOf(each)))
    return [...changed, ...added] as T
  }
  if (typeof value !== 'object' || typeof patch !== 'object' || patch === null) return patch as T
  const members = { ...value } as Record<string, unknown>
  for (const [name, change] of Object.entries(patch)) {
    members[name] = name in members ? patched(members[name], change) : change
  }
  return members as T
}

export function find(
  objects: readonly KubernetesObject[],
  kind: string,
  name: string,
): KubernetesObject {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name)
  if (found === undefined) throw new Error(`there is no ${kind} ${name}`)
  return found
}

export interface Kustomization {
  readonly resources: readonly string[]
  readonly patches?: readonly { readonly patch: string }[]
}

export function readKustomization(folder: string): Kustomization {
  return parse(readText(posix.join(folder, 'kustomization.yaml'))) as Kustomization
}

/** The objects that a folder of kustomize names, without its own changes to them. */
export function readResources(folder: string): readonly KubernetesObject[] {
  return readKustomization(folder).resources.flatMap((resource) => {
    const path = posix.join(folder, resource)
    return resource.endsWith('.yaml') ? parseObjects(readText(path)) : readResources(path)
  })
}

export function readText(path: string): string {
  const [file] = readFiles(path)
  if (file === undefined) throw new Error(`there is no ${join(path)}`)
  return file.text
}

/** Kubernetes takes null and an empty list or object for a field that is not there. */
export function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpty)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, member]) => [key, withoutEmpty(member)] as const)
      .filter(([, member]) => {
        if (member === null) return false
        return typeof member !== 'object' || Object.keys(member as object).length > 0
      }),
  )
}
