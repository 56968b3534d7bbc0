def price(cents, members):
    if cents < 0:
        raise ValueError("no price is below zero")
    if members:
        cents = cents * 9 // 10
    if cents > 10000:
        return "large"
    return f"{cents // 100}.{cents % 100:02}"
