/** The groups into which cuts part the nodes, and an order of the nodes on the circle that keeps groups together. */

/** The links, and how each is cut; null if it is not. */
type Cuts = readonly { readonly from: string; readonly to: string; readonly cut: string | null }[]

/**
 * Two nodes are in one group if a way of links that are cut in neither direction joins them. Groups and the nodes in them
 * keep the given order.
 */
export function groupsOf(nodes: readonly { readonly id: string }[], links: Cuts): string[][] {
  const cut = new Set(
    links.filter((link) => link.cut !== null).map(({ from, to }) => `${from}>${to}`),
  )
  const isJoined = (a: string, b: string): boolean => !cut.has(`${a}>${b}`) && !cut.has(`${b}>${a}`)
  const groups: string[][] = []
  const left = new Set(nodes.map(({ id }) => id))
  for (const { id } of nodes) {
    if (!left.delete(id)) continue
    const group = [id]
    for (const member of group) {
      for (const other of left) {
        if (!isJoined(member, other)) continue
        left.delete(other)
        group.push(other)
      }
    }
    groups.push(nodes.map((node) => node.id).filter((node) => group.includes(node)))
  }
  return groups
}

/** The order on the circle. It changes only if a group would not stand together otherwise. */
export function circleOrder(
  ids: readonly string[],
  groups: readonly (readonly string[])[],
): string[] {
  const groupOf = new Map(groups.flatMap((group, i) => group.map((id) => [id, i])))
  const changes = ids.filter((id, i) => groupOf.get(id) !== groupOf.get(ids.at(i - 1) as string))
  if (changes.length <= groups.length) return [...ids]
  return groups.flat()
}

/**
 * The places between neighbours of different groups. Place `i` is between the nodes `i - 1` and `i` of the order. None if
 * all nodes are in one group.
 */
export function gapsBetween(
  order: readonly string[],
  groups: readonly (readonly string[])[],
): number[] {
  const groupOf = new Map(groups.flatMap((group, i) => group.map((id) => [id, i])))
  return order.flatMap((id, i) =>
    groupOf.get(id) === groupOf.get(order.at(i - 1) as string) ? [] : [i],
  )
}
