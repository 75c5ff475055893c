// Answers every datagram on port 500 with what no gateway would send: noise and the sender's own words, and where it is
// called with `broken` also answers of which pieces are missing or changed.
import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'

const broken = process.argv[2] === 'broken'
const socket = createSocket('udp4')
socket.on('message', (bytes, { address, port }) => {
  const flipped = Buffer.from(bytes)
  flipped[19] ^= 0x20
  const answer = Buffer.from(bytes)
  answer[19] = 0x20
  const answers = [
    Buffer.alloc(0),
    Buffer.from([0xff]),
    randomBytes(28),
    randomBytes(1400),
    bytes,
    flipped,
    answer,
    ...(broken ? [answer.subarray(0, 40)] : []),
    ...Array.from({ length: broken ? 50 : 0 }, () => {
      const noisy = Buffer.from(answer)
      // Behind the header: a flipped version there would be a (wrong) answer of its own.
      noisy[28 + Math.floor(Math.random() * (noisy.length - 28))] ^= 1 << Math.floor(Math.random() * 8)
      return noisy
    }),
  ]
  for (const one of answers) socket.send(one, port, address)
})
socket.bind(500, '127.0.0.1', () => console.log('ready'))
