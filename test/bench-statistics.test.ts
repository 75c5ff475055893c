import { expect, test } from 'vitest'
import { charonConnectTimes, summarize } from './bench/statistics.ts'

test('median, least and most of an odd and an even number of figures', () => {
  expect(summarize([3, 1, 2])).toEqual({ runs: 3, median: 2, min: 1, max: 3 })
  expect(summarize([4, 1, 2, 3])).toEqual({ runs: 4, median: 2.5, min: 1, max: 4 })
  expect(() => summarize([])).toThrow('no figures')
})

test("times in charon's log run from initiation to the next CHILD_SA", () => {
  const log = [
    '10:00:00.100 07[IKE] initiating IKE_SA lab[1] to 198.18.0.1',
    '10:00:00.102 08[ENC] generating IKE_AUTH request 1',
    '10:00:00.104 09[IKE] CHILD_SA net{1} established with SPIs a_i b_o',
    '10:00:10.000 09[IKE] CHILD_SA net{2} established with SPIs c_i d_o',
    '23:59:59.999 07[IKE] initiating IKE_SA lab[2] to 198.18.0.1',
    '00:00:00.004 09[IKE] CHILD_SA net{3} established with SPIs a_i b_o',
  ].join('\n')
  expect(charonConnectTimes(log).map((ms) => Math.round(ms))).toEqual([4, 5])
})
