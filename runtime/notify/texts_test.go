package notify

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

func TestTextsCountAsEachLanguageDoes(t *testing.T) {
	all, err := readTexts(textsFile)
	if err != nil {
		t.Fatal(err)
	}
	type counted struct {
		n    int
		want string
	}
	for _, tc := range []struct {
		locale, reason string
		new            []counted
		more, said     string
	}{
		{"en", "one and others", []counted{{1, "1 new message"}, {2, "2 new messages"}, {21, "21 new messages"}}, "99+ new messages", "bob: hi"},
		{"de", "one and others", []counted{{1, "1 neue Nachricht"}, {2, "2 neue Nachrichten"}, {99, "99 neue Nachrichten"}}, "99+ neue Nachrichten", "bob: hi"},
		{"es", "one and others", []counted{{1, "1 mensaje nuevo"}, {2, "2 mensajes nuevos"}, {31, "31 mensajes nuevos"}}, "99+ mensajes nuevos", "bob: hi"},
		{"fr", "a colon stands apart", []counted{{1, "1 nouveau message"}, {2, "2 nouveaux messages"}}, "99+ nouveaux messages", "bob : hi"},
		{"pt", "one and others", []counted{{1, "1 nova mensagem"}, {2, "2 novas mensagens"}}, "99+ novas mensagens", "bob: hi"},
		{"hi", "one and others", []counted{{1, "1 नया संदेश"}, {2, "2 नए संदेश"}, {11, "11 नए संदेश"}}, "99+ नए संदेश", "bob: hi"},
		{"ar", "six forms, and digits of its own", []counted{
			{1, "رسالة جديدة"}, {2, "رسالتان جديدتان"}, {3, "٣ رسائل جديدة"}, {10, "١٠ رسائل جديدة"}, {11, "١١ رسالة جديدة"}, {99, "٩٩ رسالة جديدة"},
		}, "٩٩+ رسالة جديدة", "bob: hi"},
		{"ja", "a word has no plural", []counted{{1, "新着メッセージ1件"}, {2, "新着メッセージ2件"}}, "新着メッセージ99件以上", "bob: hi"},
		{"zh-Hans", "a word has no plural", []counted{{1, "1 条新消息"}, {2, "2 条新消息"}}, "99+ 条新消息", "bob：hi"},
		{"zh-Hant", "a word has no plural", []counted{{1, "1 則新訊息"}, {2, "2 則新訊息"}}, "99+ 則新訊息", "bob：hi"},
	} {
		texts := all.in(tc.locale)
		for _, c := range tc.new {
			expect(t, tc.locale+": "+tc.reason, c.want, texts.Sprintf(textNew, c.n))
		}
		expect(t, tc.locale+": at least", tc.more, texts.Sprintf(textMore, 99))
		expect(t, tc.locale+": who says what", tc.said, texts.Sprintf(textSaid, "bob", "hi"))
		// What people write is no format.
		if got := texts.Sprintf(textSaid, "%d", "100%s {0}"); !strings.Contains(got, "100%s {0}") || strings.Contains(got, "!") {
			t.Errorf("%s: a message became %q", tc.locale, got)
		}
	}
}

func TestALocaleGetsTheClosestLanguage(t *testing.T) {
	all, err := readTexts(textsFile)
	if err != nil {
		t.Fatal(err)
	}
	for locale, tc := range map[string]struct{ reason, want string }{
		"":                {"it has said none", "2 new messages"},
		"de-AT":           {"a region's is the language's", "2 neue Nachrichten"},
		"de_CH":           {"as some systems write it", "2 neue Nachrichten"},
		"pt-BR":           {"a region's is the language's", "2 novas mensagens"},
		"es-419":          {"so is a part of the world's", "2 mensajes nuevos"},
		"zh-CN":           {"the script is known by the region", "2 条新消息"},
		"zh-TW":           {"the script is known by the region", "2 則新訊息"},
		"zh-Hant-HK":      {"or said", "2 則新訊息"},
		"ar-EG":           {"two is a form of its own", "رسالتان جديدتان"},
		"de-XQ":           {"a region that is not known yet", "2 neue Nachrichten"},
		"fi":              {"there is none that is close", "2 new messages"},
		"tlh":             {"nor of this one", "2 new messages"},
		"en-u-nu-deva":    {"extensions change no language", "2 new messages"},
		"not a locale !!": {"nothing is understood of it", "2 new messages"},
	} {
		expect(t, locale+": "+tc.reason, tc.want, all.in(locale).Sprintf(textNew, 2))
	}
}

func TestTextsAreCheckedWhenTheyAreRead(t *testing.T) {
	const english = `"en":{"new":{"one":"%d new message","other":"%d new messages"},"more":{"other":"%d+"},"said":"%s: %s"}`
	for reason, file := range map[string]string{
		"not JSON":                           `{`,
		"nothing for who matches nothing":    `{"de":{"new":{"other":"x"},"more":{"other":"x"},"said":"x"}}`,
		"no such language":                   `{` + english + `,"x!":{"new":{"other":"x"},"more":{"other":"x"},"said":"x"}}`,
		"a text is missing":                  `{` + english + `,"de":{"new":{"one":"x"},"more":{"other":"x"},"said":"x"}}`,
		"a form that the language has not":   `{` + english + `,"ja":{"new":{"one":"x","other":"x"},"more":{"other":"x"},"said":"x"}}`,
		"a form that no language has at all": `{` + english + `,"de":{"new":{"three":"x","other":"x"},"more":{"other":"x"},"said":"x"}}`,
	} {
		if _, err := readTexts([]byte(file)); err == nil {
			t.Errorf("%s: taken", reason)
		}
	}
}

// Each device is told in its own language, and those of one language still share a call.
func TestPushesSpeakTheDevicesLanguage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "alice", "bob")
		for _, id := range []string{"tablet", "old", "secret"} {
			w.device("bob", id)
		}
		devices := w.devices["bob"]
		devices[0].Locale, devices[1].Locale, devices[3].Locale = "ar-EG", "de-AT", "ja"
		devices[3].Preferences.Private = true
		l := run(t, w)
		say := func(entries ...*logpb.Entry) {
			l.add(log0, w.conv, store.Group, batchOf(entries...), func() {})
		}
		say(entry("alice", 1, "hi", time.Now()))
		pass(delay)
		w.change(func() { w.stored["bob"].Read = 1 })
		say(entry("alice", 2, "x", time.Now()), entry("alice", 3, "y", time.Now()), entry("alice", 4, "z", time.Now()))
		pass(delay)
		for token, want := range map[string][]string{
			"bob-phone":  {"alice: hi", "٣ رسائل جديدة"},
			"bob-tablet": {"alice: hi", "3 neue Nachrichten"},
			"bob-old":    {"alice: hi", "3 new messages"},
			"bob-secret": {"新着メッセージ1件", "新着メッセージ3件"},
		} {
			expect(t, token, want, w.shows(token))
		}
	})
}
