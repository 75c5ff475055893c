import * as asn1 from 'asn1js'
import { decodeCertificate } from '../../core/cert/certificate.ts'
import { verifyChain } from '../../core/cert/chain.ts'
import { decodeRevocationList } from '../../core/cert/crl.ts'
import { decodeOcspResponse } from '../../core/cert/ocsp.ts'
import { Extension } from '../../core/cert/oids.ts'
import { standingOf } from '../../core/cert/revocation.ts'
import { makeOcsp } from '../support/ocsp.ts'
import {
  context,
  extension,
  makeAuthority,
  makeGateway,
  makeList,
  makeRoot,
  NOW,
  oid,
  sequence,
  uri,
} from '../support/pki.ts'
import type { Target } from './targets.ts'

/** Certificates, lists of revoked ones and answers of OCSP responders: read, and judged by. */
export function credentialTargets(): readonly Target[] {
  const root = makeRoot('C=CH, O=Test, CN=Root', { permitted: ['dns:example.org', 'dn:C=CH'] })
  const policies = (...names: readonly string[]) =>
    extension(Extension.certificatePolicies.oid, true, sequence(...names.map((name) => sequence(oid(name)))))
  const pair = sequence(oid('1.2.3.1'), oid('1.2.3.2'))
  const middle = makeAuthority(root, 'C=CH, O=Test, CN=Middle', {
    pathLength: 0,
    more: [policies('1.2.3.1'), extension(Extension.policyMappings.oid, true, sequence(pair))],
  })
  const places = sequence(sequence(context(0, context(0, uri('http://lists.example.org/1')))))
  const gateway = makeGateway(middle, {
    subject: 'C=CH, CN=gw',
    subjectKeyIdentifier: Uint8Array.of(1, 2, 3),
    more: [
      policies('1.2.3.2'),
      extension(Extension.cRLDistributionPoints.oid, false, places),
      extension(Extension.inhibitAnyPolicy.oid, true, new asn1.Integer({ value: 0 })),
    ],
  })
  const when = { at: NOW, weakSha1: false }
  const anchors = [root.certificate]
  return [
    {
      name: 'cert/certificate',
      seeds: [gateway.der, middle.der, root.der],
      run: async (bytes) => {
        decodeCertificate(bytes)
        for (const certificates of [
          [bytes, middle.der],
          [gateway.der, bytes],
        ])
          verifyChain({ certificates, anchors, role: 'gateway', at: NOW, policies: ['1.2.3.1'] })
      },
    },
    {
      name: 'cert/crl',
      seeds: [makeList(middle, []), makeList(middle, [gateway.certificate.serial])],
      run: async (bytes) => {
        const read = decodeRevocationList(bytes)
        if (read.ok) standingOf(gateway.certificate, middle.certificate, { lists: [read.value] }, when)
      },
    },
    {
      name: 'cert/ocsp',
      seeds: [makeOcsp(middle, gateway), makeOcsp(middle, gateway, { status: 'revoked' })],
      run: async (bytes) => {
        const read = decodeOcspResponse(bytes)
        if (read.ok) standingOf(gateway.certificate, middle.certificate, { responses: [read.value] }, when)
      },
    },
  ]
}
