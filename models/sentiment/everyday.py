"""Everyday sentences with how positive a person would call them, from 0 to 1, written by hand for this model.
Reviews are long and outspoken; people also write short, mild, negated and neutral things. Patterns have
slots that are filled anew each time. None of this is measured with: `everyday-held-back.tsv` is, and shares
no sentence with it."""

from __future__ import annotations

import re

import numpy as np

GOOD = (
    "good great nice excellent wonderful amazing fantastic lovely brilliant delicious beautiful fun funny "
    "helpful friendly comfortable impressive enjoyable perfect reliable easy useful fresh fast clean "
    "interesting exciting charming superb pleasant polite tasty clever quick"
).split()
BAD = (
    "bad terrible awful horrible poor disappointing boring rude slow cold dirty useless cheap ugly annoying "
    "broken overpriced bland noisy confusing uncomfortable unreliable dull stale stupid painful ridiculous "
    "mediocre unpleasant lousy dreadful tasteless late"
).split()
THING = (
    "it|this|the movie|the film|the food|the service|the room|the phone|the book|the app|this product|"
    "the hotel|the staff|the battery|the sound|the coffee|the delivery|my order|the show|the acting|the story|"
    "the game|the place|the music|dinner|the update|the support|the screen|the trip|the meal|everything"
).split("|")
VERY = "very|really|so|pretty|quite|absolutely|extremely|incredibly".split("|")
SLOTS = {"good": GOOD, "bad": BAD, "thing": THING, "very": VERY}

PATTERNS: list[tuple[float, str]] = [
    (0.95, "{thing} was {good}"),
    (0.97, "{thing} is {very} {good}"),
    (0.97, "{very} {good}"),
    (0.95, "{good}!"),
    (0.96, "{good} and {good}"),
    (0.97, "what a {good} experience"),
    (0.95, "i found {thing} {good}"),
    (0.97, "{thing} could not be more {good}"),
    (0.72, "{thing} is not {bad}"),
    (0.72, "{thing} wasn't {bad}"),
    (0.75, "not {bad}"),
    (0.88, "not {bad} at all"),
    (0.88, "{thing} was not {bad} at all"),
    (0.88, "{thing} isn't {bad} at all"),
    (0.72, "not too {bad}"),
    (0.70, "{thing} was not that {bad}"),
    (0.85, "{thing} was never {bad}"),
    (0.82, "far from {bad}"),
    (0.85, "{thing} was anything but {bad}"),
    (0.88, "nothing {bad} about {thing}"),
    (0.86, "i would not call {thing} {bad}"),
    (0.90, "i thought {thing} would be {bad} but it was {good}"),
    (0.90, "i expected {thing} to be {bad}, it turned out {good}"),
    (0.85, "{thing} looks {bad} but is actually {good}"),
    (0.90, "i was afraid {thing} would be {bad}, i was wrong"),
    (0.88, "people say {thing} is {bad}, i disagree"),
    (0.85, "{thing} is less {bad} than they say"),
    (0.92, "{thing} is {good}, not {bad}"),
    (0.05, "{thing} was {bad}"),
    (0.03, "{thing} is {very} {bad}"),
    (0.03, "{very} {bad}"),
    (0.05, "{bad}!"),
    (0.03, "{bad} and {bad}"),
    (0.04, "what a {bad} experience"),
    (0.06, "i found {thing} {bad}"),
    (0.10, "{thing} is not {good}"),
    (0.10, "{thing} wasn't {good}"),
    (0.12, "not {good}"),
    (0.06, "not {good} at all"),
    (0.06, "{thing} was not {good} at all"),
    (0.14, "{thing} isn't very {good}"),
    (0.16, "not very {good}"),
    (0.18, "{thing} was not that {good}"),
    (0.08, "{thing} was never {good}"),
    (0.08, "far from {good}"),
    (0.08, "{thing} was anything but {good}"),
    (0.07, "nothing {good} about {thing}"),
    (0.12, "i would not call {thing} {good}"),
    (0.12, "i don't think {thing} is {good}"),
    (0.07, "i thought {thing} would be {good} but it was {bad}"),
    (0.10, "i expected {thing} to be {good}, it turned out {bad}"),
    (0.10, "{thing} looks {good} but is actually {bad}"),
    (0.14, "{thing} used to be {good}"),
    (0.12, "{thing} was supposed to be {good}"),
    (0.15, "{thing} should have been {good}"),
    (0.20, "{thing} could have been {good}"),
    (0.15, "i wish {thing} was {good}"),
    (0.15, "{thing} would be {good} if it worked"),
    (0.12, "people say {thing} is {good}, i disagree"),
    (0.14, "{thing} is less {good} than they say"),
    (0.08, "{thing} is {bad}, not {good}"),
    (0.08, "how can anyone call {thing} {good}"),
    (0.12, "{thing} is too {bad} for me"),
    (0.16, "i wanted to like {thing}"),
    (0.12, "i wanted to like {thing} but it was {bad}"),
    (0.14, "i really wanted to love {thing}"),
    (0.14, "i so wanted {thing} to be {good}"),
    (0.15, "i tried to like {thing}"),
    (0.12, "i tried to enjoy {thing} but couldn't"),
    (0.42, "{thing} was {good} but {thing} was {bad}"),
    (0.56, "{thing} was {bad} but {thing} was {good}"),
    (0.50, "neither {good} nor {bad}"),
    (0.48, "{thing} was neither {good} nor {bad}"),
    (0.48, "not {good}, not {bad}"),
    (0.50, "sometimes {good}, sometimes {bad}"),
    (0.50, "{thing} was fine i guess"),
    (0.50, "{thing} was ok"),
    (0.50, "{thing} is okay"),
    (0.42, "{thing} was okay, nothing special"),
    (0.48, "{thing} was average"),
    (0.46, "{thing} is so-so"),
    (0.50, "i have mixed feelings about {thing}"),
    (0.50, "i don't know what to think about {thing}"),
    (0.50, "i haven't tried {thing} yet"),
    (0.50, "{thing} is what you would expect"),
    (0.62, "{thing} does the job"),
    (0.92, "i have no complaints about {thing}"),
    (0.94, "i can't complain about {thing}"),
    (0.97, "i love {thing}"),
    (0.92, "i like {thing} a lot"),
    (0.88, "i don't dislike {thing}, i love it"),
    (0.78, "i don't hate {thing}"),
    (0.90, "how could anyone not like {thing}"),
    (0.06, "i hate {thing}"),
    (0.10, "i don't like {thing}"),
    (0.10, "i did not enjoy {thing}"),
    (0.08, "i can't stand {thing}"),
    (0.06, "{thing} is a waste of money"),
    (0.06, "don't waste your time on {thing}"),
    (0.12, "{thing} was a letdown"),
    (0.97, "{thing} exceeded my expectations"),
    (0.12, "{thing} did not meet my expectations"),
    (0.96, "i would recommend {thing} to anyone"),
    (0.08, "i would not recommend {thing} to anyone"),
    (0.97, "i can't recommend {thing} enough"),
    (0.10, "i can't recommend {thing}"),
    (0.90, "{thing} was better than i expected"),
    (0.10, "{thing} was worse than i expected"),
    (0.28, "{thing} is not the best"),
    (0.85, "{thing} is not the worst, it is {good}"),
    (0.35, "{thing} is not the worst"),
    (0.97, "{thing} is the best i ever had"),
    (0.03, "{thing} is the worst i ever had"),
    (0.97, "{thing} has never been better"),
    (0.10, "{thing} has seen better days"),
]

FIXED: list[tuple[float, str]] = [
    (0.96, "couldn't be happier"), (0.96, "i could not be more pleased"), (0.95, "couldn't stop laughing"),
    (0.95, "i couldn't put it down"), (0.94, "what's not to like?"), (0.92, "no complaints here"),
    (0.90, "nothing to complain about"), (0.94, "never disappoints"), (0.93, "it did not disappoint"),
    (0.92, "you can't go wrong with this"), (0.93, "no regrets"), (0.95, "i will definitely be back"),
    (0.93, "we'll come again"), (0.95, "wish i had bought it sooner"), (0.96, "worth every penny"),
    (0.92, "well worth the wait"), (0.92, "works like a charm"), (0.88, "works exactly as described"),
    (0.90, "it just works"), (0.90, "my kids love it"), (0.92, "made my day"), (0.95, "two thumbs up"),
    (0.95, "five stars"), (0.97, "10/10 would buy again"), (0.92, "i'm impressed"), (0.94, "so happy with this"),
    (0.90, "thank you so much!"), (0.88, "good value for money"), (0.85, "pleasantly surprised"),
    (0.92, "better than ever"), (0.88, "can't wait to go back"), (0.90, "i'm hooked"), (0.86, "this is more like it"),
    (0.85, "not half bad"), (0.80, "not bad"), (0.90, "not bad at all"), (0.78, "could be worse, i liked it"),
    (0.68, "pretty decent"), (0.70, "it's alright, i enjoyed it"), (0.72, "surprisingly decent"),
    (0.85, "there is nothing i would change"), (0.92, "i laughed, i cried, i loved it"), (0.85, "solid"),
    (0.90, "it was a pleasure"), (0.92, "everyone was so kind"), (0.90, "problem solved within minutes"),
    (0.88, "arrived early and well packed"), (0.93, "i was blown away"), (0.85, "yes! finally!"),
    (0.90, ":)"), (0.92, "love it :)"), (0.93, "<3"), (0.88, "lol so good"), (0.90, "yum"),
    (0.04, "never again"), (0.06, "avoid"), (0.05, "stay away"), (0.05, "save your money"), (0.06, "what a waste"),
    (0.05, "i want my money back"), (0.06, "i asked for a refund"), (0.08, "it broke after a week"),
    (0.08, "stopped working after two days"), (0.10, "doesn't work"), (0.08, "it never worked"),
    (0.08, "arrived damaged"), (0.10, "still waiting for my order"), (0.07, "nobody answered my emails"),
    (0.12, "had to send it back"), (0.06, "we walked out"), (0.08, "i fell asleep"), (0.10, "i want those two hours back"),
    (0.12, "don't bother"), (0.12, "not worth it"), (0.12, "not worth the money"), (0.10, "too expensive for what it is"),
    (0.14, "could be better"), (0.15, "could have been better"), (0.18, "needs work"), (0.22, "nothing special"),
    (0.25, "nothing to write home about"), (0.22, "overrated"), (0.16, "i expected more"), (0.15, "i expected better"),
    (0.12, "less than impressed"), (0.15, "not impressed"), (0.12, "not what i ordered"), (0.14, "not for me"),
    (0.12, "i regret buying it"), (0.10, "big mistake"), (0.14, "i wanted to like it"), (0.12, "i really wanted to like this one"),
    (0.12, "what were they thinking"), (0.08, "do yourself a favor and skip it"), (0.10, "it gave me a headache"),
    (0.06, "one star is too many"), (0.06, "zero stars if i could"), (0.06, "1/10"), (0.10, ":("), (0.08, "so disappointed :("),
    (0.10, "yuck"), (0.06, "this is a joke"), (0.10, "great, it broke again"), (0.12, "thanks for nothing"),
    (0.10, "oh great, another delay"), (0.14, "too good to be true, and it was"), (0.20, "meh"), (0.28, "bit of a letdown"),
    (0.12, "i can't believe i paid for this"), (0.10, "no one should have to see this"), (0.12, "there are better ones"),
    (0.10, "the waiter ignored us"), (0.12, "we waited an hour for our food"), (0.10, "it hurts my ears"),
    (0.50, "it was fine i guess"), (0.52, "it was fine"), (0.50, "it's okay"), (0.50, "ok"), (0.48, "okay i guess"),
    (0.50, "it is what it is"), (0.48, "so so"), (0.48, "average"), (0.45, "not great, not terrible"),
    (0.48, "could be better, could be worse"), (0.50, "mixed feelings"), (0.50, "hard to say"), (0.50, "no opinion"),
    (0.50, "i'm not sure yet"), (0.50, "i bought it last week"), (0.50, "it arrived on tuesday"),
    (0.50, "we had dinner there yesterday"), (0.50, "the film is two hours long"), (0.50, "it is a phone"),
    (0.50, "they open at nine"), (0.50, "i have two of these"), (0.50, "it comes in blue and red"),
    (0.50, "my brother has the same one"), (0.50, "the package weighs two pounds"), (0.50, "the manual is in english"),
    (0.50, "it was directed by his brother"), (0.50, "the meeting is at three"), (0.50, "we sat near the window"),
    (0.50, "i ordered the soup and a salad"), (0.50, "this is my first review"), (0.50, "see you tomorrow"),
    (0.50, "the book has 300 pages"), (0.50, "i watched it with my sister"), (0.50, "it runs on batteries"),
    (0.50, "good in parts, bad in others"), (0.50, "some people will like it, others won't"), (0.50, "hello"),
    (0.48, "i've seen better, i've seen worse"), (0.48, "i neither like nor dislike it"), (0.50, "what time is it?"),
    (0.50, "the train leaves from platform four"), (0.50, "it costs twenty dollars"), (0.55, "good enough"),
]

CHANGES = ("", ".", "!", "...")


def drawn(count: int, draw: np.random.Generator) -> tuple[list[str], list[float]]:
    """This many sentences, half of them fixed ones, and how positive each is."""
    texts, targets = [], []
    for _ in range(count):
        source = PATTERNS if draw.random() < 0.65 else FIXED
        target, pattern = source[int(draw.integers(len(source)))]
        texts.append(_written(pattern, draw))
        targets.append(target)
    return texts, targets


def _written(pattern: str, draw: np.random.Generator) -> str:
    """The slots filled; first letter and end as people may write them."""
    text = re.sub(r"\{(\w+)\}", lambda slot: str(draw.choice(SLOTS[slot[1]])), pattern)
    if draw.random() < 0.5:
        text = text[0].upper() + text[1:]
    return text if text[-1] in ".!?)3" else text + str(draw.choice(CHANGES))
