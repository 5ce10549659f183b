//! Tables for spreadsheets (RFC 4180). What people wrote is never a formula; what is a number stays one.

use shared::money::Money;

/// Rows of cells, one after the other.
#[derive(Debug)]
pub(crate) struct Csv(csv::Writer<Vec<u8>>);

impl Csv {
    pub(crate) fn new(head: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Result<Self, csv::Error> {
        let mut writer = csv::WriterBuilder::new()
            .terminator(csv::Terminator::CRLF)
            .from_writer(Vec::new());
        writer.write_record(head)?;
        Ok(Self(writer))
    }

    pub(crate) fn text(&mut self, text: &str) -> Result<&mut Self, csv::Error> {
        self.0.write_field(inert(text))?;
        Ok(self)
    }

    pub(crate) fn amount(&mut self, amount: Money) -> Result<&mut Self, csv::Error> {
        self.0.write_field(amount.decimal())?;
        Ok(self)
    }

    pub(crate) fn maybe_amount(&mut self, amount: Option<Money>) -> Result<&mut Self, csv::Error> {
        match amount {
            Some(amount) => self.amount(amount),
            None => self.text(""),
        }
    }

    pub(crate) fn count(&mut self, count: u32) -> Result<&mut Self, csv::Error> {
        self.0.write_field(count.to_string())?;
        Ok(self)
    }

    pub(crate) fn end_row(&mut self) -> Result<(), csv::Error> {
        self.0.write_record(None::<&[u8]>)
    }

    pub(crate) fn finish(self) -> Result<Vec<u8>, csv::Error> {
        self.0.into_inner().map_err(|error| error.into_error().into())
    }
}

/// A text that no spreadsheet takes for a formula (OWASP, "CSV Injection"): an apostrophe goes before what could begin one.
fn inert(text: &str) -> String {
    const BEGINS_A_FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
    if text.starts_with(BEGINS_A_FORMULA) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::money::Currency;

    #[test]
    fn texts_are_never_formulas_and_numbers_stay_numbers() {
        let mut csv = Csv::new(["text", "amount"]).expect("memory");
        for text in [
            "=HYPERLINK(\"http://x\")",
            "+1",
            "-1",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\n=1",
            "＝1",
            " =1",
            "a=1",
            "say \"hi\", you",
        ] {
            csv.text(text)
                .expect("memory")
                .amount(Money::new(-5, Currency::EUR))
                .expect("memory")
                .end_row()
                .expect("memory");
        }
        let bytes = csv.finish().expect("memory");
        let mut reader = csv::Reader::from_reader(bytes.as_slice());
        let rows: Vec<_> = reader.records().map(|row| row.expect("a row")).collect();
        let texts: Vec<_> = rows.iter().map(|row| &row[0]).collect();
        let expected = [
            "'=HYPERLINK(\"http://x\")",
            "'+1",
            "'-1",
            "'@SUM(A1)",
            "'\t=1",
            "'\r=1",
            "'\n=1",
            "'＝1",
            " =1",
            "a=1",
            "say \"hi\", you",
        ];
        assert_eq!(texts, expected);
        assert!(rows.iter().all(|row| &row[1] == "-0.05"));
    }
}
