import {
  Encapsulation,
  Group,
  LifeType,
  Phase1Attribute,
  Phase1Authentication,
  Phase1Encryption,
  Phase1Hash,
  Phase2Attribute,
  Phase2Authentication,
} from '../../iana/ikev1.ts'
import type { Registry } from '../../iana/registry.ts'
import { type Field, number, octets } from '../tree.ts'

// What the inspector says of the attributes of a transform.

interface Attributes {
  readonly names: Registry
  readonly values: Readonly<Record<number, Field>>
  readonly other: Field
  /** What is said, and the octets of a value that does not stand in their place. */
  readonly type: Field
  readonly length: Field
}
const FORMAT = 'RFC 2408 §3.3'
const frame = (phase: string): Pick<Attributes, 'type' | 'length'> => ({
  type: number(
    'Type',
    FORMAT,
    'What is said; the highest bit beside it tells that the value stands in place of the length.',
    `isakmp.${phase}.attr.type`,
  ),
  length: number('Length', FORMAT, 'Octets of the value.', `isakmp.${phase}.attr.length`),
})

const PHASE_1 = 'RFC 2409 Appendix A'
const one = (name: string, says: string, suffix: string, names?: Registry): Field =>
  number(name, PHASE_1, says, {
    wireshark: `isakmp.ike.attr.${suffix}`,
    ...(names === undefined ? {} : { names }),
  })
/** Attributes of phase 1. */
export const PHASE_1_ATTRIBUTES: Attributes = {
  names: Phase1Attribute,
  values: {
    1: one('Encryption Algorithm', 'Encrypts phase 1.', 'encryption_algorithm', Phase1Encryption),
    2: one('Hash Algorithm', 'Makes keys and proofs out of secrets.', 'hash_algorithm', Phase1Hash),
    3: one(
      'Authentication Method',
      'How the ends prove who they are.',
      'authentication_method',
      Phase1Authentication,
    ),
    4: one('Group Description', 'The group of the key exchange.', 'group_description', Group),
    5: one('Group Type', 'What kind of group.', 'group_type'),
    11: one('Life Type', 'In what the lifetime is counted.', 'life_type', LifeType),
    12: one('Life Duration', 'How long the SA lives.', 'life_duration'),
    14: one('Key Length', 'Bits of the key.', 'key_length'),
  },
  other: octets('Value', PHASE_1, 'The value.', 'isakmp.ike.attr.value'),
  ...frame('ike'),
}
const PHASE_2 = 'RFC 2407 §4.5'
const two = (name: string, says: string, suffix: string, names?: Registry): Field =>
  number(name, PHASE_2, says, {
    wireshark: `isakmp.ipsec.attr.${suffix}`,
    ...(names === undefined ? {} : { names }),
  })
/** Attributes of phase 2. */
export const PHASE_2_ATTRIBUTES: Attributes = {
  names: Phase2Attribute,
  values: {
    1: two('SA Life Type', 'In what the lifetime is counted.', 'life_type', LifeType),
    2: two('SA Life Duration', 'How long the SA lives.', 'life_duration'),
    3: two('Group Description', 'The group of a key exchange of its own (PFS).', 'group_description', Group),
    4: two(
      'Encapsulation Mode',
      'Tunnel: a packet within a packet. Transport: the packet keeps its header.',
      'encap_mode',
      Encapsulation,
    ),
    5: two(
      'Authentication Algorithm',
      'Shows whether something was changed on the way.',
      'auth_algorithm',
      Phase2Authentication,
    ),
    6: two('Key Length', 'Bits of the key.', 'key_length'),
    7: two('Key Rounds', 'Rounds of the cipher.', 'key_rounds'),
    10: two('ECN Tunnel', 'Whether congestion is told through the tunnel.', 'ecn_tunnel'),
    11: two('Extended Sequence Number', 'Sequence numbers of 64 bits.', 'ext_seq_nbr'),
  },
  other: octets('Value', PHASE_2, 'The value.', 'isakmp.ipsec.attr.value'),
  ...frame('ipsec'),
}
