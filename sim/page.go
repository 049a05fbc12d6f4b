package sim

import (
	"html/template"
	"net/http"
)

// Page makes a hosted page of the body's template. What it shows has a .Title; the
// button that leads on has the accent as its color.
func Page(accent, body string) *template.Template {
	return template.Must(template.New("page").Parse(`<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{{.Title}}</title><style>
body{font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:3rem auto;padding:0 1rem;color:#1a1f36}
h1{font-size:1.25rem}button{display:block;width:100%;margin:.5rem 0;padding:.6rem;border:1px solid #c1c9d2;border-radius:6px;background:#fff;font:inherit;cursor:pointer}
button.good{background:` + accent + `;color:#fff;border-color:` + accent + `}input{width:100%;box-sizing:border-box;padding:.5rem;margin:.25rem 0 1rem;font:inherit}
.note{color:#697386;font-size:.9rem}.bad{color:#b3093c}</style>` + body))
}

// ShowPage answers with a hosted page.
func ShowPage(w http.ResponseWriter, status int, page *template.Template, view any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = page.Execute(w, view)
}

// ClickPage carries out what a button of a hosted page says, and sends the browser
// where that leads. Where it leads nowhere, the page is shown again with the problem.
func ClickPage(w http.ResponseWriter, r *http.Request, click func(*http.Request) (next, problem string), show func(status int, problem string)) {
	next, problem := click(r)
	if next == "" {
		show(http.StatusPaymentRequired, problem)
		return
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}
