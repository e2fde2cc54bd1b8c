// SPDX-License-Identifier: MPL-2.0
//! Sentences as they are written and as they are read.

use super::super::normalise;

const GOLDEN: [(&str, &str); 66] = [
    ("It costs $5.50.", "It costs five dollars and fifty cents."),
    ("$1 and $0.99", "one dollar and ninety-nine cents"),
    (
        "A $1.5M deal, or £2bn?",
        "A one point five million dollars deal, or two billion pounds?",
    ),
    (
        "They raised $3 million today.",
        "They raised three million dollars today.",
    ),
    (
        "€20, £3.20 and ¥500",
        "twenty euros, three pounds and twenty pence and five hundred yen",
    ),
    ("Only 20€!", "Only twenty euros!"),
    ("-$5 is a loss.", "minus five dollars is a loss."),
    ("US$1,000", "one thousand dollars"),
    (
        "On May 3, 2024, it rained.",
        "On May third, twenty twenty-four, it rained.",
    ),
    ("Due Jan. 5", "Due January fifth"),
    (
        "On 3 May 2024 we met.",
        "On the third of May, twenty twenty-four we met.",
    ),
    (
        "In July 1969 they landed.",
        "In July nineteen sixty-nine they landed.",
    ),
    (
        "Released 2024-05-03",
        "Released May third, twenty twenty-four",
    ),
    (
        "by 12/25/2023",
        "by December twenty-fifth, twenty twenty-three",
    ),
    ("On the 21st of June", "On the twenty-first of June"),
    ("Born in 1984.", "Born in nineteen eighty-four."),
    (
        "the 1990s and the '90s",
        "the nineteen nineties and the nineties",
    ),
    (
        "In 2005 and 1900",
        "In two thousand and five and nineteen hundred",
    ),
    ("May I come in?", "May I come in?"),
    ("We march on.", "We march on."),
    ("At 3:05 pm.", "At three oh five p m"),
    ("At 14:30 sharp", "At fourteen thirty sharp"),
    ("Noon is 12:00.", "Noon is twelve o'clock."),
    (
        "It opens at 9am, closes at 5:30PM.",
        "It opens at nine a m, closes at five thirty p m.",
    ),
    ("It took 1:02:03", "It took one oh two and three seconds"),
    ("Odds of 3:1", "Odds of three to one"),
    (
        "Pages 10–20 and 5-7",
        "Pages ten to twenty and five to seven",
    ),
    ("1914-1918", "nineteen fourteen to nineteen eighteen"),
    ("A walk of 5-10 km.", "A walk of five to ten kilometres."),
    ("5 km, 1 kg", "five kilometres, one kilogram"),
    ("3.5kg of rice", "three point five kilograms of rice"),
    (
        "It is 20°C or -4 °F.",
        "It is twenty degrees Celsius or minus four degrees Fahrenheit.",
    ),
    ("50% of 200", "fifty percent of two hundred"),
    (
        "at 100 km/h or 60 mph",
        "at one hundred kilometres per hour or sixty miles per hour",
    ),
    (
        "16 GB at 3.2GHz",
        "sixteen gigabytes at three point two gigahertz",
    ),
    (
        "25 fps, 1 ms",
        "twenty-five frames per second, one millisecond",
    ),
    (
        "Call +1 (555) 123-4567.",
        "Call plus one, five five five, one two three, four five six seven.",
    ),
    (
        "Call 555-123-4567 now",
        "Call five five five, one two three, four five six seven now",
    ),
    (
        "Dial (020) 7946 0958",
        "Dial zero two zero, seven nine four six, zero nine five eight",
    ),
    (
        "Version v2.1 or 2.10.3",
        "Version version two point one or two point ten point three",
    ),
    (
        "Ping 192.168.0.1",
        "Ping one hundred and ninety-two dot one hundred and sixty-eight dot zero dot one",
    ),
    (
        "Visit https://example.com/docs.",
        "Visit example dot com slash docs.",
    ),
    ("See www.example.org", "See w w w dot example dot org"),
    (
        "Mail jane.doe@example.com!",
        "Mail jane dot doe at example dot com!",
    ),
    ("openai.com or index.html", "openai dot com or index.html"),
    ("Dr. Smith and Mrs. Jones", "Doctor Smith and Missus Jones"),
    (
        "St. Louis is not on Main St.",
        "Saint Louis is not on Main Street.",
    ),
    (
        "Apples, e.g. red ones, etc.",
        "Apples, for example red ones, et cetera.",
    ),
    ("the U.S. and the U.K.", "the U S and the U K."),
    ("No. 5, p. 3, fig. 2", "number five, page three, figure two"),
    ("No, never. No.", "No, never. No."),
    (
        "J. R. Smith vs. Jones Inc.",
        "J R Smith versus Jones Incorporated.",
    ),
    ("AT&T and/or Q&A", "AT and T and or Q and A"),
    ("2 + 2 = 4", "two plus two equals four"),
    ("We're #1", "We're number one"),
    (
        "1/2, 3/4 and 2/3",
        "one half, three quarters and two thirds",
    ),
    ("Open 24/7", "Open twenty-four seven"),
    (
        "1,234,567 people",
        "one million two hundred and thirty-four thousand five hundred and sixty-seven people",
    ),
    (
        "3.14 or -5 or .5",
        "three point one four or minus five or point five",
    ),
    ("Agent 007", "Agent zero zero seven"),
    (
        "COVID-19, MP3 and 4K",
        "COVID nineteen, MP three and four K",
    ),
    ("Great job 🎉👍🏽!", "Great job !"),
    ("I ❤️ you", "I you"),
    ("“Quoted,” she said (softly).", "Quoted, she said softly."),
    ("Wait… what?!", "Wait. what?"),
    ("snake_case and *bold*", "snake case and bold"),
];

#[test]
fn sentences_are_read_as_people_read_them() {
    let mut wrong = Vec::new();
    for (text, expected) in GOLDEN {
        let tokens = normalise(text, "en");
        let words: Vec<_> = tokens
            .iter()
            .map(|t| t.spoken.as_str())
            .filter(|s| !s.is_empty())
            .collect();
        let read = words.join(" ");
        if read != expected {
            wrong.push(format!("{text}\n  read: {read}\n  want: {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
