package shop;

public class Prices {
    public static String price(int cents, boolean members) {
        if (cents < 0) {
            throw new IllegalArgumentException("no price is below zero");
        }
        if (members) {
            cents = cents * 9 / 10;
        }
        if (cents > 10000) {
            return "large";
        }
        return cents / 100 + "." + cents % 100;
    }
}
