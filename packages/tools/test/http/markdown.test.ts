import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Arbitrary from "effect/Arbitrary"
import { Parser } from "htmlparser2"
import { reader } from "../../src/http/internal/markdown.ts"

/** Reads a page in pieces, as the tool does. */
const read = (html: string, url = "http://a.test/docs/page", piece = html.length || 1) => {
  const { handler, isDone, page } = reader(new URL(url))
  const parser = new Parser(handler)
  for (let at = 0; at < html.length && !isDone(); at += piece) parser.write(html.slice(at, at + piece))
  parser.end()
  return page()
}

const cases: ReadonlyArray<readonly [name: string, html: string, markdown: string]> = [
  [
    "paragraphs and lines",
    "<p>One\n  two</p><p>three<br>four</p><div>five</div><div>six</div>",
    "One two\n\nthree\nfour\n\nfive\nsix"
  ],
  ["text without elements", "  just \n text ", "just text"],
  ["entities", "<p>a &amp; b &lt;c&gt; &eacute;&#8364;&#x1F600;&nbsp;d", "a & b <c> é€😀 d"],
  ["entities that are no characters", "<p>a&#xD800;b&#0;c", "a\ufffdb\ufffdc"],
  ["headings", "<h1>One</h1>text<h2>Two <em>more</em></h2><h6>Six</h6>", "# One\n\ntext\n\n## Two more\n\n###### Six"],
  ["an empty heading", "<h1> </h1><p>x", "x"],
  ["words across elements", "<p>un<b>bro</b>ken, <i>spaced</i> <b>out</b>.", "unbroken, spaced out."],
  [
    "links - absolute, by path, query and scheme",
    "<a href=x>1</a> <a href=/y?z=1>2</a> <a href='?q'>3</a> <a href=//b.test>4</a> <a href='https://c.test/a b'>5</a>",
    "[1](http://a.test/docs/x) [2](http://a.test/y?z=1) [3](http://a.test/docs/page?q) [4](http://b.test/) [5](https://c.test/a%20b)"
  ],
  [
    "links - by the base of the page",
    "<base href=/other/><base href=/ignored/><a href=x>1</a>",
    "[1](http://a.test/ignored/x)"
  ],
  [
    "links - only those that lead somewhere",
    "<a href='#top'>1</a> <a href='javascript:alert(1)'>2</a> <a href='data:text/html,x'>3</a> <a name=n>4</a> <a href='http://['>5</a> <a href=vbscript:x>6</a> <a href='mailto:a@b.test'>7</a>",
    "1 2 3 4 5 6 [7](mailto:a@b.test)"
  ],
  ["links - without credentials", "<a href=http://me:secret@b.test/>x</a>", "[x](http://b.test/)"],
  ["links - without text", "a <a href=x> </a> b <a href=y><img src=z></a> c", "a b c"],
  ["links - brackets are kept apart", "<a href='x(1)'>[a](b)</a>", "[(a)(b)](http://a.test/docs/x%281%29)"],
  ["links - around blocks", "<a href=x><h2>Head</h2><p>text</p></a>", "[Head text](http://a.test/docs/x)"],
  ["links - spaces stay outside", "go<a href=x> there </a>now", "go [there](http://a.test/docs/x) now"],
  ["links - in a heading", "<h2><a href=x>Head</a></h2>", "## [Head](http://a.test/docs/x)"],
  ["links - too long to be one", `<a href=x>${"word ".repeat(500)}</a><p>end`, `${"word ".repeat(500).trim()}\n\nend`],
  ["links - too long a target", `<a href=${"x".repeat(3000)}>text</a>`, "text"],
  [
    "images - with a description",
    "<p>a <img src=i.png alt='An  [image]'> b <img src=j.png> <img src='data:x' alt=inline>",
    "a ![An (image)](http://a.test/docs/i.png) b inline"
  ],
  ["images - as the text of a link", "<a href=x><img src=i alt=Logo></a>", "[Logo](http://a.test/docs/x)"],
  ["lists", "<ul><li>a<li>b<ul><li>c</ul><li><p>d</p><p>e</p></ul>f", "- a\n- b\n\n  - c\n\n- d\n\n  e\n\nf"],
  ["lists - numbered", "<ol start=9><li>a<li>b</ol><ol><li>c</ol>", "9. a\n10. b\n\n1. c"],
  ["lists - without text", "<ul><li><li>a</ul>", "- a"],
  ["quotes", "<blockquote><p>a</p><p>b</p><blockquote>c</blockquote></blockquote>d", "> a\n>\n> b\n> >\n> > c\n\nd"],
  ["code - in a line", "use <code>a  b</code> and <kbd>^C</kbd><code>`</code>", "use `a b` and `^C``"],
  ["code - of lines", "<pre><code>\nif (a) {\n  b()\n}\n</code></pre>after", "```\nif (a) {\n  b()\n}\n```\n\nafter"],
  ["code - with fences of its own", "<pre>```\nx\n```</pre>", "````\n```\nx\n```\n````"],
  ["code - in a list", "<ul><li>a<pre>b\nc</pre></ul>", "- a\n\n  ```\n  b\n  c\n  ```"],
  [
    "tables",
    "<table><tr><th>a<th>b|c<tr><td>1<td><a href=x>2</a></table>",
    "| a | b\\|c |\n| --- | --- |\n| 1 | [2](http://a.test/docs/x) |"
  ],
  ["tables - of one column", "<table><tr><td>a<tr><td>b</table>", "a\nb"],
  [
    "tables - that place things",
    "<table><tr><td>left</td><td><table><tr><td>1<td>2</table></td><td>right</td></tr></table>",
    "left\n\n| 1 | 2 |\n| --- | --- |\n\nright"
  ],
  [
    "tables - of much text",
    `<table><tr><td>a<td><p>${"x ".repeat(1100)}<p>b</table>`,
    `a\n${"x ".repeat(1100).trim()}\n\nb`
  ],
  ["terms", "<dl><dt>a<dd>b<dt>c<dd>d</dl>", "a\nb\nc\nd"],
  ["a line", "a<hr>b", "a\n\n---\n\nb"],
  [
    "what is not read",
    "<script>var a='<p>x</p>'</script><style>p{}</style><noscript>n</noscript><template>t</template><iframe>i</iframe><svg><title>s</title><text>v</text></svg><select><option>o</select><button>b</button><textarea>t</textarea><object>o</object><p>seen<!-- not -->",
    "seen"
  ],
  [
    "what is hidden",
    "<p hidden>a</p><p aria-hidden=true>b</p><p style='color:red; Display : none'>c</p><p style=visibility:hidden>d</p><p hidden=until-found>e",
    "e"
  ],
  ["hidden with all that is in it", "<div hidden><div><p>a</div><main>b</main></div>c", "c"],
  ["a hidden page is the page", "<html hidden><body aria-hidden=true style='display:none'>a", "a"],
  [
    "navigation",
    "<header>Site</header><nav><a href=x>a</a></nav><div role=navigation>b</div><aside>c</aside><p>text</p><footer>d</footer>",
    "Site\n\ntext"
  ],
  ["notes of an article", "<article><p>a</p><aside>note</aside><footer>by</footer></article>", "a\n\nnote\n\nby"],
  ["main alone", "<header>Site</header><p>before</p><main><h1>a</h1><nav>n</nav>b</main><p>after", "# a\n\nb"],
  ["main by its role, and each of several", "x<div role=main>a</div>y<main>b</main>z", "a\n\nb"],
  ["an empty main is none", "<main> <img src=x></main><p>text", "text"],
  ["main that is not closed", "<p>x</p><main><p>a<p>b", "a\n\nb"],
  [
    "elements that are not closed",
    "<ul><li>a<li>b</ul><p>c<p>d<table><tr><td>e<td>f",
    "- a\n- b\n\nc\n\nd\n\n| e | f |\n| --- | --- |"
  ],
  ["elements that were not opened", "</p></div></a></main></td></li></pre>a</b></table>", "a"],
  ["no page", "", ""]
]

describe("markdown", () => {
  for (const [name, html, markdown] of cases) {
    it(name, () => {
      const { isCut, markdown: written } = read(html)
      assert.strictEqual(written, markdown)
      assert.isFalse(isCut)
    })
  }

  it("title - the first, on one line; not that of an image", () => {
    assert.strictEqual(read("<svg><title>no</title></svg><title>A\n  &amp; b</title><title>no</title>").title, "A & b")
    assert.strictEqual(read("<p>none").title, "")
  })

  it("nesting - is read to a depth of 1,000", () => {
    const deep = (depth: number) => read(`<p>before</p>${"<b>".repeat(depth)}deep${"</b>".repeat(depth)}after`)
    assert.deepStrictEqual(deep(990), { title: "", markdown: "before\n\ndeepafter", isCut: false })
    assert.deepStrictEqual(deep(1100), { title: "", markdown: "before", isCut: true })
  })

  it("length - a page is read until it has given 1 MiB", () => {
    const { isCut, markdown } = read(
      `<base href=http://a.test/${"x".repeat(1900)}/>${"<a href=y>z</a> ".repeat(5000)}`,
      undefined,
      16_384
    )
    assert.isTrue(isCut)
    assert.isBelow(markdown.length, 1024 * 1024 + 100_000)
  })

  const size = process.env["VOLLEY_LONG"] === "1" ? 1_000_000 : 100_000
  const hostile: ReadonlyArray<readonly [name: string, html: string]> = [
    ["open elements and closed others", "<i>".repeat(size) + "</b>".repeat(size)],
    ["elements of a known depth, closed wrong", "<i>".repeat(900) + "</b>".repeat(size)],
    ["attributes", `<p ${"a ".repeat(size)}>`],
    ["an attribute without end", `<a href="${"x".repeat(4 * size)}`],
    ["angle brackets", "<".repeat(4 * size)],
    ["comments", "<!--".repeat(size)],
    ["entities", "&amp".repeat(size)],
    ["white space", `<pre>${" \n".repeat(size)}</pre><p>${" ".repeat(size)}`],
    ["ticks", `<pre>${"`".repeat(size)}`],
    ["tables", "<table><tr><td>".repeat(size / 4)],
    ["cells", `<table>${"<td>".repeat(size)}`],
    ["lists", "<ul><li>".repeat(size / 2)],
    ["links", "<a href=x>".repeat(size / 2)],
    ["styles", `<p style="${"display :".repeat(size / 2)}">`],
    ["titles", `<title>${"x ".repeat(size)}`]
  ]

  it("T7 - pages that are made to be slow are read in linear time", () => {
    for (const [name, html] of hostile) {
      const start = performance.now()
      read(html, undefined, 8192)
      const took = performance.now() - start
      assert.isBelow(took, size / 100, `${name}: ${html.length} characters`)
    }
  })

  const tags = Schema.Literals(
    ("a p div ul ol li pre code table tr td th main nav article h1 h2 blockquote b title base svg script style br img hr" +
      " option head body html form select").split(" ") as ["a"]
  )
  const pieces = Arbitrary.array(
    Arbitrary.schema(Schema.Union([
      Schema.String,
      Schema.Struct({
        open: tags,
        attributes: Schema.Literals([
          "",
          " href=x",
          " href='http://b.test/?a=(1)'",
          " hidden",
          " alt=y src=z",
          " start=3",
          " role=main"
        ])
      }),
      Schema.Struct({ close: tags })
    ])),
    { maxLength: 60 }
  )
  type Piece = string | { readonly open: string; readonly attributes: string } | { readonly close: string }
  const written = (piece: Piece): string =>
    typeof piece === "string" ? piece : "open" in piece ? `<${piece.open}${piece.attributes}>` : `</${piece.close}>`

  it.prop("any page gives well-formed text, and the same however it is cut into pieces", { pieces }, ({ pieces }) => {
    const html = pieces.map((piece) => written(piece as Piece)).join("").toWellFormed()
    const page = read(html)
    assert.isTrue(page.markdown.isWellFormed() && page.title.isWellFormed())
    assert.strictEqual(page.markdown, page.markdown.trim())
    assert.notMatch(page.markdown, /\n{3,}(?![^`]*```)/)
    assert.deepStrictEqual(read(html, undefined, 7), page)
  }, { arbitrary: { runs: process.env["VOLLEY_LONG"] === "1" ? 5000 : 300 } })
})
