/* ZIP files in the browser: read by their directory at the end, and written anew out of pieces of others, which are
   copied as they are packed. Nothing of a large file is held in memory but what is asked for. */

const [ENTRY, HEAD, END] = [0x02014b50, 0x04034b50, 0x06054b50];
const LONGEST_END = 65_557;
const UTF8 = 0x800;
const DEFLATED = 8;

/** Return the entries of a ZIP. Throws for a file that is none. */
export async function entriesOf(file) {
  const tail = await file.slice(Math.max(0, file.size - LONGEST_END)).arrayBuffer();
  const end = new DataView(tail);
  let at = tail.byteLength - 22;
  while (at >= 0 && end.getUint32(at, true) !== END) at -= 1;
  if (at < 0) throw new Error("no zip");
  const [size, start] = [end.getUint32(at + 12, true), end.getUint32(at + 16, true)];
  const bytes = await file.slice(start, start + size).arrayBuffer();
  const directory = new DataView(bytes);
  const entries = [];
  for (let place = 0; place + 46 <= bytes.byteLength;) {
    const word = (offset) => directory.getUint16(place + offset, true);
    const long = (offset) => directory.getUint32(place + offset, true);
    const text = (offset, length) => new TextDecoder().decode(bytes.slice(place + offset, place + offset + length));
    const [name, extra, note] = [word(28), word(30), word(32)];
    entries.push({
      file, name: text(46, name), note: text(46 + name + extra, note), method: word(10), crc: long(16), packed: long(20), size: long(24),
      start: long(42),
    });
    place += 46 + name + extra + note;
  }
  return entries;
}

/** Return an entry as it is packed. */
export async function packedBytes({ file, start, packed }) {
  const head = new DataView(await file.slice(start, start + 30).arrayBuffer());
  const begin = start + 30 + head.getUint16(26, true) + head.getUint16(28, true);
  return file.slice(begin, begin + packed);
}

/** Return an entry unpacked. Throws for one of more than `most` bytes: what a directory claims need not be true. */
export async function unpacked(entry, most) {
  const bytes = await packedBytes(entry);
  const stream = entry.method === DEFLATED ? bytes.stream().pipeThrough(new DecompressionStream("deflate-raw")) : bytes.stream();
  const pieces = [];
  let length = 0;
  for (const reader = stream.getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) return new Blob(pieces);
    length += value.length;
    if (length > most) throw new Error("too large");
    pieces.push(value);
  }
}

/** Return a ZIP that holds a text under a name, and entries of other ZIPs. */
export async function zipOf(name, text, others) {
  const bytes = new TextEncoder().encode(text);
  const own = { name, note: "", method: 0, crc: crc32(bytes), packed: bytes.length, size: bytes.length, bytes };
  const [body, directory] = [[], []];
  let at = 0;
  for (const entry of [own, ...others]) {
    const [called, note] = [entry.name, entry.note].map((each) => new TextEncoder().encode(each));
    const facts = [[UTF8, 2], [entry.method, 2], [0, 4], [entry.crc, 4], [entry.packed, 4], [entry.size, 4], [called.length, 2], [0, 2]];
    const head = [numbers([HEAD, 4], [20, 2], ...facts), called];
    directory.push(numbers([ENTRY, 4], [20, 2], [20, 2], ...facts, [note.length, 2], [0, 8], [at, 4]), called, note);
    body.push(...head, entry.bytes ?? await packedBytes(entry));
    at += 30 + called.length + entry.packed;
  }
  const size = directory.reduce((sum, each) => sum + each.length, 0);
  const count = others.length + 1;
  return new Blob([...body, ...directory, numbers([END, 4], [0, 4], [count, 2], [count, 2], [size, 4], [at, 4], [0, 2])]);
}

/** Return numbers, each with its width in bytes, as ZIP files have them. */
function numbers(...parts) {
  const bytes = [];
  for (const [number, width] of parts) {
    for (let place = 0; place < width; place += 1) bytes.push(place < 4 ? (number >>> (8 * place)) & 255 : 0);
  }
  return Uint8Array.from(bytes);
}

const TABLE = Uint32Array.from({ length: 256 }, (_, number) => {
  let value = number;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

function crc32(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) value = TABLE[(value ^ byte) & 255] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}
