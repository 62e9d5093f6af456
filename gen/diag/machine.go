package diag

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/xsgen/xsgen/gen/source"
)

// jsonDiagnostic is a finding in the json format.
type jsonDiagnostic struct {
	File     string        `json:"file"`
	Line     int           `json:"line,omitempty"`
	Column   int           `json:"column,omitempty"`
	Length   int           `json:"length,omitempty"`
	Severity string        `json:"severity"`
	Code     string        `json:"code"`
	Rule     string        `json:"rule"`
	Message  string        `json:"message"`
	Hint     string        `json:"hint,omitempty"`
	Related  []jsonRelated `json:"related,omitempty"`
}

type jsonRelated struct {
	File    string `json:"file"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Message string `json:"message"`
}

func fileName(p source.Pos) string {
	if p.File == nil {
		return ""
	}
	return p.File.Name
}

// JSON writes the findings as one JSON array of objects.
func JSON(w io.Writer, l *List) error {
	out := []jsonDiagnostic{}
	for _, d := range l.Sorted() {
		j := jsonDiagnostic{File: fileName(d.Pos), Line: d.Pos.Line, Column: d.Pos.Col, Length: d.Pos.Len,
			Severity: d.Severity().String(), Code: d.Rule.Code, Rule: d.Rule.Name, Message: d.Message, Hint: d.Hint}
		for _, r := range d.Related {
			j.Related = append(j.Related, jsonRelated{fileName(r.Pos), r.Pos.Line, r.Pos.Col, r.Message})
		}
		out = append(out, j)
	}
	return encode(w, out)
}

func encode(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// GitHub writes the findings as workflow commands, which GitHub shows beside the
// changed lines.
func GitHub(w io.Writer, l *List) error {
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	data := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	for _, d := range l.Sorted() {
		text := d.Message
		if d.Hint != "" {
			text += "\nhint: " + d.Hint
		}
		where := "file=" + property.Replace(fileName(d.Pos))
		if d.Pos.Line > 0 {
			where += fmt.Sprintf(",line=%d,col=%d,endColumn=%d", d.Pos.Line, d.Pos.Col, d.Pos.Col+max(d.Pos.Len, 1))
		}
		if _, err := fmt.Fprintf(w, "::%s %s,title=%s::%s\n", d.Severity(), where, property.Replace(d.Rule.String()), data.Replace(text)); err != nil {
			return err
		}
	}
	return nil
}

// The part of SARIF 2.1.0 that is used (OASIS Standard, 27 March 2020).
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool struct {
			Driver sarifDriver `json:"driver"`
		} `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifDriver struct {
		Name  string      `json:"name"`
		Rules []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string    `json:"id"`
		Name             string    `json:"name"`
		ShortDescription sarifText `json:"shortDescription"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID           string          `json:"ruleId"`
		Level            string          `json:"level"`
		Message          sarifText       `json:"message"`
		Locations        []sarifLocation `json:"locations"`
		RelatedLocations []sarifLocation `json:"relatedLocations,omitempty"`
	}
	sarifLocation struct {
		PhysicalLocation struct {
			ArtifactLocation struct {
				URI string `json:"uri"`
			} `json:"artifactLocation"`
			Region *sarifRegion `json:"region,omitempty"`
		} `json:"physicalLocation"`
		Message *sarifText `json:"message,omitempty"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn"`
		EndColumn   int `json:"endColumn"`
	}
)

// SARIF writes the findings as a SARIF 2.1.0 log.
func SARIF(w io.Writer, l *List) error {
	run := sarifRun{ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	run.Tool.Driver.Name = "xsgen"
	for _, r := range Rules() {
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{r.Code, r.Name, sarifText{r.Summary}})
	}
	for _, d := range l.Sorted() {
		text := d.Message
		if d.Hint != "" {
			text += " (" + d.Hint + ")"
		}
		r := sarifResult{RuleID: d.Rule.Code, Level: d.Severity().String(), Message: sarifText{text}, Locations: []sarifLocation{location(d.Pos, "")}}
		for _, rel := range d.Related {
			r.RelatedLocations = append(r.RelatedLocations, location(rel.Pos, rel.Message))
		}
		run.Results = append(run.Results, r)
	}
	return encode(w, sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}})
}

func location(p source.Pos, message string) sarifLocation {
	var out sarifLocation
	out.PhysicalLocation.ArtifactLocation.URI = (&url.URL{Path: fileName(p)}).String()
	if p.Line > 0 {
		out.PhysicalLocation.Region = &sarifRegion{p.Line, p.Col, p.Col + max(p.Len, 1)}
	}
	if message != "" {
		out.Message = &sarifText{message}
	}
	return out
}
