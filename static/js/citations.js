/* The web pages that an answer rests on: numbered, and marked in its text, by the same rules as chat/citations.py. */

const BEGIN = "\x0b";
const END = "\x02";
const MARK = /\x0b(\d+)\x02/g;
const WEB = /^https?:\/\/[^\s/?#]+\S*$/i;
const ADDRESSES = /\]\([^)\s]*(?:\s+"[^"\n]*")?\)|https?:\/\/[^\s<>"'\])]+/g;
const SIGN = /^\s*(?:[`~]{3,}.*|\[[^\]]+\]:.*|[-=*_\s|:]+|.*(?:\$\$|\\\]))$/;

/** The name of the address's server, empty where it has none. */
function hostOf(url) {
  try {
    return new URL(url).hostname.replace(/^www\./, "");
  } catch {
    return "";
  }
}

/** The cited pages, each once, numbered in the order in which they were first cited. */
export function sourcesOf(citations) {
  const titles = new Map();
  for (const { url, title } of citations) {
    if (WEB.test(url) && hostOf(url)) titles.set(url, titles.get(url) || title);
  }
  return [...titles].map(([url, title], place) => ({ number: place + 1, url, title: title || hostOf(url), host: hostOf(url) }));
}

/** The line around a place of the text. */
function lineAt(text, place) {
  const end = text.indexOf("\n", place);
  const begin = place > 0 ? text.lastIndexOf("\n", place - 1) + 1 : 0;
  return { begin, text: text.slice(begin, end < 0 ? text.length : end) };
}

/** Where the mark of a passage that ends there may stand; 0 for nowhere. */
function placeOf(text, end) {
  let place = Math.min(end, text.length);
  const around = lineAt(text, place);
  for (const { 0: address, index } of around.text.matchAll(ADDRESSES)) {
    const begin = around.begin + index;
    if (begin < place && place < begin + address.length) place = begin + address.length;
  }
  place = text.slice(0, place).trimEnd().length;
  return SIGN.test(lineAt(text, place).text) ? 0 : place;
}

/** From code points, in which places are told, to the units that this language counts. */
function unitsOf(text, points) {
  let units = 0;
  for (let left = points; left > 0 && units < text.length; left -= 1) units += text.codePointAt(units) > 0xffff ? 2 : 1;
  return units;
}

/** Return the text with a mark behind each passage that a citation belongs to. */
export function marked(text, citations) {
  const clean = text.replaceAll(BEGIN, " ").replaceAll(END, " ");
  const numbers = new Map(sourcesOf(citations).map(({ url, number }) => [url, number]));
  const places = new Map();
  for (const { url, end } of citations) {
    const place = placeOf(clean, unitsOf(clean, end));
    if (place && numbers.has(url)) places.set(place, (places.get(place) ?? new Set()).add(numbers.get(url)));
  }
  let result = "";
  let last = 0;
  for (const place of [...places.keys()].sort((one, other) => one - other)) {
    const marks = [...places.get(place)].sort((one, other) => one - other).map((number) => `${BEGIN}${number}${END}`);
    result += clean.slice(last, place) + marks.join("");
    last = place;
  }
  return result + clean.slice(last);
}

/** The numbers that have a mark in the text. */
export const placedIn = (text) => new Set([...text.matchAll(MARK)].map(([, number]) => Number(number)));

/** Teach a parser the marks. Its `env` then has `sources` and `placed`. */
export function addCitations(md) {
  const { escapeHtml } = md.utils;
  md.core.ruler.push("number_sources", (state) => {
    const { sources = [], placed } = state.env;
    if (!sources.length) return;
    const known = new Map(sources.map((source) => [source.number, source]));
    const linked = new Map(sources.filter(({ number }) => !placed.has(number)).map((source) => [md.normalizeLink(source.url), source]));
    const cite = (source, level) => Object.assign(new state.Token("cite", "a", 0), { meta: { source }, level });
    const split = (token) => token.content.split(MARK).flatMap((part, place) => {
      if (place % 2) return known.has(Number(part)) ? [cite(known.get(Number(part)), token.level)] : [];
      return part ? [Object.assign(new state.Token("text", "", 0), { content: part, level: token.level })] : [];
    });
    for (const token of state.tokens) {
      if (!token.children?.length) {
        token.content = token.content.replaceAll(MARK, "");
        continue;
      }
      let address = "";
      token.children = token.children.flatMap((child) => {
        if (child.type === "text") return split(child);
        child.content = child.content.replaceAll(MARK, "");
        if (child.type === "link_open") address = child.attrGet("href");
        return child.type === "link_close" && linked.has(address) ? [child, cite(linked.get(address), child.level)] : [child];
      });
    }
  });
  md.renderer.rules.cite = (tokens, place) => {
    const { number, url, title, host } = tokens[place].meta.source;
    const told = title === host ? title : `${title} · ${host}`;
    return `<a class="cite" href="${escapeHtml(url)}" title="${escapeHtml(told)}" target="_blank" `
      + `rel="noopener nofollow noreferrer" referrerpolicy="no-referrer">${number}</a>`;
  };
}
