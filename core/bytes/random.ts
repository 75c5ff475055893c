/** Where unpredictable octets come from. Tests give a seeded one, so that any run can be replayed. */
export interface Random {
  /** `count` fresh octets the caller owns. */
  bytes(count: number): Uint8Array
}
