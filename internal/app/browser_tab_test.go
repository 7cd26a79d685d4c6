package app_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	browserpage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browserTab is a tab of Chromium that notes what goes wrong in it.
type browserTab struct {
	ctx  context.Context
	base string // of the site: "http://127.0.0.1:1234"

	mu       sync.Mutex
	troubles []string // console errors, exceptions, violations of the policy, dialogs
	requests []string // paths asked for
}

// browserOpen starts the Chromium that FRESNEL_TEST_CHROMIUM names.
func browserOpen(t *testing.T, base string) *browserTab {
	t.Helper()
	path := os.Getenv("FRESNEL_TEST_CHROMIUM")
	if path == "" || os.Getenv("FRESNEL_TEST_AXE") == "" {
		if os.Getenv("FRESNEL_TEST_REQUIRE") != "" {
			t.Fatal("no browser: FRESNEL_TEST_CHROMIUM or FRESNEL_TEST_AXE is not set")
		}
		t.Skip("no browser: run scripts/test, which brings Chromium and axe-core")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path)) // each browser has a fresh folder of its own
	for _, flag := range []string{"disable-quic", "no-first-run", "disable-background-networking", "disable-component-update", "disable-sync", "hide-scrollbars"} {
		options = append(options, chromedp.Flag(flag, true))
	}
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium refuses to run as root with it
	}
	ctx, stop := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	t.Cleanup(stop)
	return browserNew(t, ctx, base)
}

// browserNew opens a tab with cookies and a cache of its own.
func browserNew(t *testing.T, parent context.Context, base string, options ...chromedp.ContextOption) *browserTab {
	t.Helper()
	b := &browserTab{base: base}
	ctx, stop := chromedp.NewContext(parent, append(options, chromedp.WithListener(b.hear))...)
	t.Cleanup(stop)
	b.ctx = ctx
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("Chromium does not start: %v", err)
	}
	_, err := chromedp.Call(ctx, browserpage.AddScriptToEvaluateOnNewDocument, browserpage.AddScriptToEvaluateOnNewDocumentParams{
		Source: `document.addEventListener("securitypolicyviolation", (e) => console.error("policy", e.violatedDirective, e.blockedURI, e.sample))`,
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *browserTab) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" || e.Type == "assert" {
			text := "console: "
			for _, a := range e.Args {
				text += string(a.Value) + a.Description + " "
			}
			b.troubles = append(b.troubles, text)
		}
	case *runtime.EventExceptionThrown:
		text := "exception: " + e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
		b.troubles = append(b.troubles, text)
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError {
			b.troubles = append(b.troubles, fmt.Sprintf("log: %s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL))
		}
	case *browserpage.EventJavascriptDialogOpening:
		b.troubles = append(b.troubles, "dialog: "+e.Message)
	case *network.EventRequestWillBeSent:
		if path, ok := strings.CutPrefix(e.Request.URL, b.base); ok {
			b.requests = append(b.requests, path)
		} else if !strings.HasPrefix(e.Request.URL, "data:") {
			b.troubles = append(b.troubles, "foreign request: "+e.Request.URL)
		}
	}
}

// calm fails the test for what went wrong since it was last asked. allow is a
// part of the one message that is expected, if any.
func (b *browserTab) calm(t *testing.T, allow string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, x := range b.troubles {
		if allow == "" || !strings.Contains(x, allow) {
			t.Error(x)
		}
	}
	b.troubles = nil
}

// browserPatience is how long the slowest of our machines may take for a step.
const browserPatience = 30 * time.Second

func (b *browserTab) do(t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, browserPatience)
	defer stop()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// browserEval gives what an expression is, promises awaited.
func browserEval[T any](t *testing.T, b *browserTab, js string) T {
	t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, 2*browserPatience)
	defer stop()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%.120s: %v", js, err)
	}
	return v
}

// until waits for a condition of the page.
func (b *browserTab) until(t *testing.T, what, js string) {
	t.Helper()
	for end := time.Now().Add(browserPatience); ; {
		if browserEval[bool](t, b, "Promise.resolve("+js+").then(Boolean)") {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: not within %s: %s", what, browserPatience, browserEval[string](t, b, `location.href + " " + document.querySelector("main")?.innerText.slice(0, 1500)`))
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// open loads an address anew and waits until its charts are drawn.
func (b *browserTab) open(t *testing.T, path string) {
	t.Helper()
	b.do(t, chromedp.Navigate(b.base+path))
	b.ready(t)
}

func (b *browserTab) ready(t *testing.T) {
	t.Helper()
	b.until(t, "page loaded", `document.readyState === "complete" && document.fonts.status === "loaded"`)
	b.until(t, "charts drawn", `[...document.querySelectorAll("canvas[data-chart]")].every((c) => {
		if (!c.checkVisibility()) return true; // scripting is off
		if (!c.width) return false;
		const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
		for (let i = 3; i < d.length; i += 4) if (d[i]) return true;
		return false;
	})`)
}

func (b *browserTab) look(t *testing.T, scheme string, width int64) {
	t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.do(t, chromedp.EmulateViewport(width, 900))
}

// picture writes a screenshot when FRESNEL_TEST_PICTURES names a folder.
func (b *browserTab) picture(t *testing.T, name string) {
	t.Helper()
	dir := os.Getenv("FRESNEL_TEST_PICTURES")
	if dir == "" {
		return
	}
	// The window is made as high as the page first: a chart that is resized while the picture is taken is blank.
	size := browserEval[[]int64](t, b, `[innerWidth, innerHeight, Math.min(document.documentElement.scrollHeight, 16000)]`)
	b.do(t, chromedp.EmulateViewport(size[0], size[2]))
	b.ready(t)
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	b.do(t, chromedp.EmulateViewport(size[0], size[1]))
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// accessible fails for what axe-core finds on the page.
func (b *browserTab) accessible(t *testing.T) {
	t.Helper()
	for _, v := range b.axe(t) {
		t.Error("axe-core:", v)
	}
}

func (b *browserTab) axe(t *testing.T) []string {
	t.Helper()
	axe, err := os.ReadFile(os.Getenv("FRESNEL_TEST_AXE"))
	if err != nil {
		t.Fatal(err)
	}
	browserEval[chromedp.Void](t, b, string(axe)+"\n;undefined")
	return browserEval[[]string](t, b, `axe.run(document, {resultTypes: ["violations"], runOnly: {type: "tag",
			values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}})
		.then((r) => r.violations.map((v) => v.id + ": " + v.help + ": " + v.nodes.slice(0, 3).map((n) => n.target.join(" ") + " " + n.failureSummary).join(" | ")))`)
}

// fits fails if the page can be scrolled sideways.
func (b *browserTab) fits(t *testing.T) {
	t.Helper()
	if over := b.over(t); over != "" {
		t.Error("scrolls sideways:", over)
	}
}

func (b *browserTab) over(t *testing.T) string {
	t.Helper()
	return browserEval[string](t, b, `(() => {
		const room = innerWidth, wide = document.documentElement.scrollWidth;
		if (wide <= room) return "";
		const out = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > room + 1 && !e.closest(".scroll, .sr-only"));
		return wide + " px in " + room + ": " + out.slice(0, 3).map((e) => e.outerHTML.slice(0, 120)).join(" ... ");
	})()`)
}
