/** The only source of randomness in a node: seeded in the simulator, from the system otherwise. */
export interface Random {
  /** A whole number, uniform in `0 <= x < bound`; `1 <= bound <= 2 ** 32`. */
  below(bound: number): number
}
